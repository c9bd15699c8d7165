"""Starts a Redis of one's own, for tests and benchmarks: on 127.0.0.1 alone, in a temporary folder.

The server needs Debian's package `redis-server` (or any other in PATH) and no rights: where root starts it, it runs as
`nobody`. What it holds is gone when it ends.
"""

import shutil
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from postgres import LocalServer, owned_folder, serve


class Server(LocalServer):
    """A running Redis.

    Attributes:
        address: how it is reached, as a URL.
    """

    limit_s, ends_by = 30, signal.SIGTERM

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.address = f"redis://127.0.0.1:{self.port}/0"

    def command(self) -> list[str]:
        program = shutil.which("redis-server")
        if not program:
            raise RuntimeError("redis-server is missing. Install Redis (Debian: apt install redis-server).")
        given = ["--bind", "127.0.0.1", "--port", str(self.port), "--save", "", "--appendonly", "no"]
        return [program, *given, "--dir", str(self.folder)]

    def answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as session:
                session.sendall(b"PING\r\n")
                return session.recv(16).startswith(b"+PONG")
        except OSError:
            return False


@contextmanager
def running() -> Iterator[Server]:
    """A new, empty server until the block ends."""
    with owned_folder("winbc-redis-") as folder:
        server = Server(folder)
        with server.started():
            yield server


if __name__ == "__main__":
    serve(running())
