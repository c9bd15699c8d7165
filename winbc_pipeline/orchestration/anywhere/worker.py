"""A worker: Celery's process, which forks one process for each run, and has loaded what each run needs.

Usage: python -m winbc_pipeline.orchestration.anywhere.worker SLOTS NAME=FOLDER …, in the folder of one connection.
It ends when its parent is gone, or when the files of the program are others than those that it has loaded. Then whoever
started it starts it again (cli/setup/worker.py).
"""

import gc
import importlib
import os
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

# Before numpy is loaded. Its threads would not be there in a forked process.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import duckdb
import limits  # noqa: F401
import msal  # noqa: F401
import pandas  # noqa: F401, ICN001
import phonenumbers  # noqa: F401
import upath  # noqa: F401
from celery import bootsteps
from sqlglot.dialects import duckdb as _grammar  # noqa: F401

from ...errors import StateUnavailable
from ...settings import Settings, load_settings
from ...staging.server.address import needed_driver
from ...systems.transport import authorities
from ..launcher.warm import warm_up
from . import storage  # noqa: F401
from .celery_app import TASK, celery_app, queue_of
from .execute import execute, folder_of
from .sessions import registered
from .version import version

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Session

# By its name: what is built of this package stands above it.
importlib.import_module("winbc_pipeline.build")
EVERY_S = 2.0
"""Between two looks whether the worker is registered, its parent lives, and its code is still that of the files."""
SLOTS_EVERY_S = 0.2
"""Between two looks whether a process has ended. Celery looks when it hears of an end, which may be a moment too early,
and then every five seconds only: so long a slot without a process took no run."""
CODE_EVERY = 5  # looks, between two of the files


class Presence:
    """That a worker is there, as the PostgreSQL server and its own parent see it.

    Args:
        loaded: the version of the program in this process.
        end: ends the worker once its runs have ended.
    """

    def __init__(self, settings: Settings, loaded: str, slots: int, end: Callable[[], None]) -> None:
        self._address, self._loaded, self._slots, self._end = settings.state.address, loaded, slots, end
        self._parent, self._looks = os.getppid(), 0
        self._session: Session | None = None

    def look(self) -> None:
        """Registers the worker again where its session has ended, and ends it where it is not to go on."""
        self._looks += 1
        is_other = self._looks % CODE_EVERY == 0 and version() != self._loaded
        if is_other or os.getppid() != self._parent:
            self.leave()
            self._end()
        elif not self._is_registered():
            try:
                self._session = registered(self._address, self._loaded, self._slots)
            except StateUnavailable:
                self._session = None  # the next look tries again

    def leave(self) -> None:
        """Takes no more runs: the queue counts on this worker no longer."""
        if self._session:
            self._session.close()

    def _is_registered(self) -> bool:
        if self._session is None or self._session.closed:
            return False
        try:
            with self._session.cursor() as cursor:
                cursor.execute("SELECT 1")
        except needed_driver().Error:
            return False
        return True


def serve(slots: int, folders: Mapping[str, Path]) -> None:
    """Executes runs of connections until this process is asked to end. Runs that are at work end first.

    Args:
        folders: of the connections, by their names.
    """
    settings, loaded = load_settings(), version()
    app = celery_app(settings.workers.address)
    presence = Presence(settings, loaded, slots, lambda: os.kill(os.getpid(), signal.SIGTERM))

    @app.task(name=TASK)  # type: ignore[untyped-decorator]
    def _run(connection: str, run_id: str, version: str) -> None:
        execute(folder_of(folders, connection), loaded, run_id)

    class _Present(bootsteps.StartStopStep):  # type: ignore[misc]
        requires = {"celery.worker.components:Timer", "celery.worker.components:Pool"}

        def start(self, worker: Any) -> None:
            presence.look()
            worker.timer.call_repeatedly(EVERY_S, presence.look)
            worker.timer.call_repeatedly(SLOTS_EVERY_S, worker.pool.maintain_pool)

    app.steps["worker"].add(_Present)
    share()
    name = f"{socket.gethostname()}-{os.getpid()}"
    queues = ",".join(queue_of(loaded, connection) for connection in folders)
    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "WARNING"]
    app.worker_main(["worker", "-Q", queues, "-c", str(slots), "-n", name, *quiet])


def share() -> None:
    """Does once what each run would do, and leaves all of it shared with the forked processes.

    Without freezing, Python's collector would go through all that is loaded in each of them, and copy it by that.
    """
    authorities()
    warm_up()
    duckdb.default_connection().close()  # nobody uses it, and its thread would not be there in a forked process
    gc.collect()
    gc.freeze()


if __name__ == "__main__":
    serve(int(sys.argv[1]), {name: Path(folder) for name, _, folder in (each.partition("=") for each in sys.argv[2:])})
