"""A network of the browser's own, in which nothing comes or goes while the containers of other tests do.

Chromium drops its requests whenever an interface of the machine changes (net::ERR_NETWORK_CHANGED), and each app has a
network of its own, so beside the tests of Docker a page now and then lost a script. Who is not root has the machine's.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_CLONE_NEWNET = 0x40000000
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 0x1
_HERE = Path("/proc/thread-self/ns/net")
_libc = ctypes.CDLL(None, use_errno=True)


class OwnNetwork:
    """A network namespace with a loopback interface. What a thread opens or starts while it is inside stays there."""

    def __init__(self) -> None:
        """Make it; the calling thread ends up where it was."""
        self._inside: int | None = None
        if os.geteuid():
            return
        outside = os.open(_HERE, os.O_RDONLY)
        try:
            _checked(_libc.unshare(_CLONE_NEWNET))
            self._inside = os.open(_HERE, os.O_RDONLY)
            try:
                _raise_loopback()
            finally:
                _checked(_libc.setns(outside, _CLONE_NEWNET))
        finally:
            os.close(outside)

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Be inside, with this thread and the programs that it starts."""
        if self._inside is None:
            yield
            return
        outside = os.open(_HERE, os.O_RDONLY)
        try:
            _checked(_libc.setns(self._inside, _CLONE_NEWNET))
            yield
        finally:
            _checked(_libc.setns(outside, _CLONE_NEWNET))
            os.close(outside)

    def close(self) -> None:
        """Forget it. The kernel removes it with the last program inside."""
        if self._inside is not None:
            os.close(self._inside)


def _raise_loopback() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sh14x", b"lo", 0)
        flags: int = struct.unpack("16sh14x", fcntl.ioctl(any_socket, _SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | _IFF_UP))


def _checked(result: int) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
