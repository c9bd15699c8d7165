"""Workers of a connection, for tests that end them: each is a process with the programs that it forks.

As a program (`python -m …workers SLOTS NAME=FOLDER`), it is a worker whose runs die or wait where files say so
(dying.py).
"""

import importlib.util
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from winbc_pipeline.settings import load_settings
from winbc_pipeline.staging.server.address import asked

from .launched import until
from .sandboxes import REPOSITORY

sys.path.insert(0, str(REPOSITORY / "scripts"))
_spec = importlib.util.spec_from_file_location("redis_script", REPOSITORY / "scripts" / "redis_server.py")
assert _spec and _spec.loader
_script = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_script)
Redis, redis_running = _script.Server, _script.running
VERSION = "OTHER_VERSION"  # of the program, for a worker that is to take itself for another one
NOTICED_S = 5  # at most, where it was never registered
_numbers = count()


class Worker:
    """A worker that is at work.

    Attributes:
        log: what it and its runs print.
    """

    def __init__(self, slots: int, folders: dict[str, Path], version: str = "") -> None:
        given = [f"{name}={folder}" for name, folder in folders.items()]
        self.log = Path(f"worker-{next(_numbers)}.log").resolve()
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", __name__, str(slots), *given],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=os.environ | {"PYTHONPATH": str(REPOSITORY), VERSION: version},
                start_new_session=True,
            )

    @property
    def is_alive(self) -> bool:
        return self.process.poll() is None

    def has(self, pid: int) -> bool:
        """Whether it has forked a process."""
        return os.getpgid(pid) == self.process.pid

    def kill(self) -> None:
        """Kills it with all that it has forked, as if its machine were gone; the server has noticed it then."""
        before, ends = free_slots(), time.monotonic() + NOTICED_S
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        while free_slots() >= before and time.monotonic() < ends:
            time.sleep(0.05)

    def end(self) -> None:
        """Asks it to end, and waits until its runs have ended."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)


@contextmanager
def workers(number: int, slots: int = 1, version: str = "", **folders: Path) -> Iterator[list[Worker]]:
    """Workers that can begin runs, until the block ends.

    Args:
        version: the version of the program that they take themselves for.
        folders: of the connections, by name; without one, this folder is that of the connection `default`.
    """
    before = free_slots()
    started = [Worker(slots, folders or {"default": Path.cwd()}, version) for _ in range(number)]
    try:
        until(lambda: free_slots() >= before + number * slots or any(not each.is_alive for each in started))
        assert all(each.is_alive for each in started), [each.log.read_text()[-2000:] for each in started]
        yield started
    finally:
        for each in started:
            if each.is_alive:
                each.kill()


def free_slots() -> int:
    """How many runs all workers of all versions take at once."""
    with asked(load_settings().state.address) as cursor:
        cursor.execute(
            "SELECT coalesce(sum(split_part(application_name, ' ', 4)::int), 0) FROM pg_stat_activity "
            "WHERE starts_with(application_name, 'winbc worker ')"
        )
        return int(cursor.fetchone()[0])


def main() -> None:
    from winbc_pipeline.orchestration.anywhere import worker

    from . import dying

    execute = worker.execute

    def dying_execute(folder: Path, loaded: str, run_id: str) -> None:
        os.chdir(folder)
        dying.armed()
        execute(folder, loaded, run_id)

    worker.execute = dying_execute
    if other := os.environ[VERSION]:
        worker.version = lambda: other
    worker.serve(int(sys.argv[1]), {name: Path(at) for name, _, at in (each.partition("=") for each in sys.argv[2:])})


if __name__ == "__main__":
    main()
