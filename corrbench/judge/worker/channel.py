"""Frames read and written: ``length:8 | JSON | arrays`` over two private descriptors."""

from __future__ import annotations

import json
import math
import os
import struct

import numpy as np

from .library import BITS, Array, Words


class Channel:
    """Frames of JSON and arrays over two descriptors, spoken by this process only."""

    def __init__(self, read: int, write: int) -> None:
        self.reader = os.fdopen(read, "rb", buffering=1 << 16)
        self.write_fd = write
        self.pid = os.getpid()
        # as they are before any target is loaded
        self.os_write, self.dumps, self.loads = os.write, json.dumps, json.loads
        self.pack, self.unpack, self.getpid, self.exit = struct.pack, struct.unpack, os.getpid, os._exit

    def receive(self) -> tuple[Words, list[Array]]:
        size = self.reader.read(8)
        if len(size) < 8:
            self.exit(0)
        head = self.loads(self.reader.read(self.unpack("<Q", size)[0]))
        arrays = []
        for dtype, shape in head["arrays"]:
            kind = np.dtype(BITS.get(dtype, dtype))
            data = self.reader.read(math.prod(shape) * kind.itemsize)
            arrays.append(np.frombuffer(data, kind).reshape(shape).copy())
        return head, arrays

    def send(self, head: Words, blobs: list[bytes]) -> None:
        if self.getpid() != self.pid:  # a forked copy must not speak
            self.exit(0)
        text = self.dumps(head).encode()
        for part in (self.pack("<Q", len(text)) + text, *blobs):
            view = memoryview(part)
            while view:
                view = view[self.os_write(self.write_fd, view) :]
