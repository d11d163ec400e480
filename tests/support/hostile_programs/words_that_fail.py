"""Raises an exception whose words cannot be had: asking for them raises another."""


class Wordless(Exception):
    def __str__(self):
        raise self


def corr2d(X, K):
    raise Wordless
