"""Starts a Redis of one's own, for tests and benchmarks: on 127.0.0.1 alone, in a temporary folder.

The server needs Debian's package `redis-server` (or any other in PATH) and no rights: where root starts it, it runs as
`nobody`. What it holds is gone when it ends.
"""

import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from postgres import free_port, owned_folder, unprivileged

LIMIT_S = 30


class Server:
    """A running Redis.

    Attributes:
        address: how it is reached, as a URL.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.address = f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Starts the server, and waits until it answers."""
        program = shutil.which("redis-server")
        if not program:
            raise RuntimeError("redis-server is missing. Install Redis (Debian: apt install redis-server).")
        given = ["--bind", "127.0.0.1", "--port", str(self.port), "--save", "", "--appendonly", "no"]
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                [program, *given, "--dir", str(self.folder)], stdout=log, stderr=log, **unprivileged()
            )
        ends = time.monotonic() + LIMIT_S
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > ends:
                raise RuntimeError((self.folder / "server.log").read_text()[-2000:])
            time.sleep(0.02)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """Ends the server."""
        self.process.send_signal(how)
        self.process.wait(LIMIT_S)

    def _answers(self) -> bool:
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
        server.start()
        try:
            yield server
        finally:
            if server.process.poll() is None:
                server.stop()


if __name__ == "__main__":
    with running() as started:
        print(started.address, flush=True)
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        signal.pause()
