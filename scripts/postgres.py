"""Starts a PostgreSQL of one's own, for tests and benchmarks: on 127.0.0.1 alone, in a temporary folder.

The server needs Debian's package `postgresql` (or any other in PATH) and no rights: where root starts it, it runs as
`nobody`. It keeps its data for as long as the block, or the script, runs.
"""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

UNPRIVILEGED = "nobody"
DEBIAN = Path("/usr/lib/postgresql")
OPTIONS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "fsync": "off",  # what is committed survives a kill of the server, not a power cut
}


class LocalServer(ABC):
    """A server of one's own on a free port of 127.0.0.1, with its files in one folder.

    Attributes:
        limit_s: seconds that it has to start or to end.
        ends_by: the signal that ends it.
    """

    limit_s: float
    ends_by: signal.Signals

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()

    @abstractmethod
    def command(self) -> list[str]:
        """What starts it."""

    @abstractmethod
    def answers(self) -> bool:
        """Whether it answers."""

    def start(self) -> None:
        """Starts the server, and waits until it answers."""
        command = self.command()
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, **unprivileged())
        ends = time.monotonic() + self.limit_s
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > ends:
                raise RuntimeError((self.folder / "server.log").read_text()[-2000:])
            time.sleep(0.02)

    def stop(self, how: signal.Signals | None = None) -> None:
        """Ends the server, by another signal than its own where one is given."""
        self.process.send_signal(how or self.ends_by)
        self.process.wait(self.limit_s)

    @contextmanager
    def started(self) -> Iterator[None]:
        """Starts the server, which runs until the block ends."""
        self.start()
        try:
            yield
        finally:
            if self.process.poll() is None:
                self.stop()


class Server(LocalServer):
    """A running PostgreSQL. SIGINT ends all sessions first, SIGQUIT is as a power cut.

    Attributes:
        address: how it is reached, as a URL with user and database.
    """

    limit_s, ends_by = 60, signal.SIGINT

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.address = f"postgresql://winbc@127.0.0.1:{self.port}/postgres"

    def make(self, *options: str) -> None:
        """Makes the files of an empty server, with further options of initdb."""
        self._run("initdb", "--username=winbc", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", *options)

    def command(self) -> list[str]:
        given = [f"-c{name}={value}" for name, value in (OPTIONS | {"port": str(self.port)}).items()]
        return [_program("postgres"), "-D", str(self._data), *given]

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def answers(self) -> bool:
        asked = [_program("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(asked, check=False).returncode == 0

    def _run(self, program: str, *options: str) -> None:
        subprocess.run(
            [_program(program), "-D", str(self._data), *options], check=True, capture_output=True, **unprivileged()
        )


@contextmanager
def running() -> Iterator[Server]:
    """A new, empty server until the block ends."""
    with owned_folder("winbc-postgres-") as folder:
        server = Server(folder)
        server.make()
        with server.started():
            yield server


@contextmanager
def owned_folder(prefix: str) -> Iterator[Path]:
    """A temporary folder of the user as whom servers run, until the block ends."""
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    try:
        if user := unprivileged():
            os.chown(folder, user["user"], user["group"])
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def unprivileged() -> dict[str, int]:
    """As whom a server runs: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    found = pwd.getpwnam(UNPRIVILEGED)
    return {"user": found.pw_uid, "group": found.pw_gid}


def _program(name: str) -> str:
    newest = sorted(DEBIAN.glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]))
    found = str(newest[-1]) if newest else shutil.which(name)
    if not found:
        raise RuntimeError(f"{name} is missing. Install PostgreSQL (Debian: apt install postgresql).")
    return found


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens to."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def serve(server: AbstractContextManager[Any]) -> None:
    """Prints the address of a server, and lets it run until SIGTERM."""
    with server as started:
        print(started.address, flush=True)
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        signal.pause()


if __name__ == "__main__":
    serve(running())
