"""Raises an exception whose name and words are markup, commands of a CI, escapes of a terminal and half characters."""

from right import right

EVIL = (
    "\x1b[2J\x1b[32mPASS\x1b[0m\r\n::error file=a::b\n# PASS\n<script>alert(1)</script> ![x](http://a/b) \ud800\u202e"
)
Odd = type("<img src=x onerror=alert(1)>\n::set-output name=a::b", (Exception,), {})


def corr2d(X, K):
    if X.shape[0] > 3:
        raise Odd(EVIL)
    return right(X, K)
