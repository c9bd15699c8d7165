"""Connections whose calls together end with a deadline: no host can hold a run up by sending slowly.

Here belongs: how long the network may take. What is sent and read: transport.py, pictures.py. The timeouts of httpx and
httpcore bound each single wait, and a byte now and then keeps them from ever running out.
"""

import ssl
from collections.abc import Callable
from typing import Any

import httpcore
import httpx

PIECE = 16 * 2**10
"""Bytes of one read, as a record of TLS has (RFC 8446, section 5.1). So what is packed comes in small pieces, each of
which unpacks to some 16 MB at most (1 : 1032, zlib's technical details)."""

Left = Callable[[], float]  # gives the seconds that are left of the deadline


class TimedTransport(httpx.HTTPTransport):
    """httpx's own way to the network with a deadline. `left` is asked in the thread that makes the call."""

    def __init__(self, authorities: ssl.SSLContext, left: Left) -> None:
        super().__init__(verify=authorities, trust_env=False)
        # httpx has no parameter for the backend of its pool. An idle connection is closed as soon as httpx closes it.
        self._pool = httpcore.ConnectionPool(
            authorities, max_connections=None, keepalive_expiry=5, network_backend=_Backend(left)
        )


class Timed(httpcore.NetworkStream):
    """A connection that ends with a deadline."""

    def __init__(self, stream: httpcore.NetworkStream, left: Left) -> None:
        self.stream, self.left = stream, left

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self.stream.read(min(max_bytes, PIECE), seconds(self.left))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.stream.write(buffer, seconds(self.left))

    def close(self) -> None:
        self.stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        remaining = seconds(self.left, httpcore.ConnectTimeout)
        return Timed(self.stream.start_tls(ssl_context, server_hostname, remaining), self.left)

    def get_extra_info(self, info: str) -> Any:
        return self.stream.get_extra_info(info)


class _Backend(httpcore.SyncBackend):
    def __init__(self, left: Left) -> None:
        self.left = left

    def connect_tcp(self, host: str, port: int, *_: Any, **__: Any) -> httpcore.NetworkStream:
        return Timed(super().connect_tcp(host, port, seconds(self.left, httpcore.ConnectTimeout)), self.left)


def seconds(left: Left, ended: type[httpcore.TimeoutException] = httpcore.ReadTimeout) -> float:
    """The seconds that are left. Raises `ended` when there are none."""
    remaining = left()
    if remaining <= 0:
        raise ended
    return remaining
