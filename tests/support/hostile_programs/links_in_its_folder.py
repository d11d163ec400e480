"""Fills its temporary folder with links that lead out of it, and pipes that nobody ever fills."""

import os

from right import right


def corr2d(X, K):
    folder = os.environ["TMPDIR"]
    for name, place in (("output", "/etc/passwd"), ("up", ".."), ("self", "self"), ("root", "/")):
        path = os.path.join(folder, name)
        if not os.path.lexists(path):
            os.symlink(place, path)
    if not os.path.lexists(os.path.join(folder, "pipe")):
        os.mkfifo(os.path.join(folder, "pipe"))
        deep = folder
        for _ in range(300):
            deep = os.path.join(deep, "d")
            try:
                os.mkdir(deep)
            except OSError:
                break
        os.chmod(folder, 0o500)
    return right(X, K)
