"""What `winbc up` serves for one connection, and how another command finds it.

Whether it is up says the lock of DAGSTER_HOME, which the operating system takes back when its process ends. The file
beside it only says which process that is, and which children it has. So a file that a killed process left behind is
known for what it is, and no other process is ever taken for ours.
"""

import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from logging.handlers import RotatingFileHandler
from pathlib import Path

from filelock import FileLock, Timeout

from ...errors import ConfigurationError, NotDone, SystemUnavailable, WinbcError
from ...health.flush import flush
from ...settings import Settings, load_settings, locations, served_from

STATE, LOG, UI_LOG = "up.json", "up.log", "ui.log"  # in DAGSTER_HOME
LOG_BYTES, KEPT_LOGS = 5 * 2**20, 2
EVERY_S = 60  # between two turns of what runs beside the UI
LEFT_S = 15  # that a process has to end by itself; a second more than it takes to kill its children

Beside = tuple[str, Callable[[Settings], object]]
BESIDE: tuple[Beside, ...] = (("alerts", flush),)
"""What runs every minute beside the UI and its daemon: a name and a function of the settings."""


@dataclass(frozen=True)
class Up:
    """A connection that is up.

    Attributes:
        pid: the process of `winbc up`.
        port: of the Dagster UI.
        child: the process of the UI and its daemon, which is the first of a group of its own.
        began: what tells the child from a later process with its number (`beginning_of`).
        served: whether the UI has answered.
    """

    pid: int
    port: int
    child: int
    began: str
    served: bool = False


def home_of(settings: Settings) -> Path:
    """DAGSTER_HOME of a connection."""
    return (settings.data_folder / settings.connection / "dagster_home").resolve()


def followed_in(settings: Settings) -> Path:
    """DAGSTER_HOME of what follows the connection of the working folder: its own, or that of the folder above
    `connections/` where it is served together with others."""
    above = served_from(settings)
    return home_of(load_settings(above) if above else settings)


def check_alone(settings: Settings) -> None:
    """Raises NotDone where two would follow one connection: that of the working folder, when others serve it together
    with it, or one of those that this folder serves, when it is up by itself."""
    if above := served_from(settings):
        hint = f"`winbc --home {above} up` starts it. To start it by itself, set location = 0."
        raise NotDone(f"{settings.connection} is served together with others (location = {settings.location}).", hint)
    for folder in (each for folders in locations().values() for each in folders):
        with suppress(ConfigurationError):  # it is shown as broken
            if is_served(home_of(load_settings(folder))):
                raise NotDone(f"{folder.name} is up by itself.", f"`winbc --home {folder} down` ends it.")


def is_served(home: Path) -> bool:
    """Whether `winbc up`, `winbc ui` or `winbc demo` is at work in a DAGSTER_HOME."""
    if not home.exists():
        return False
    lock = FileLock(str(home / "served.lock"), timeout=0)
    try:
        lock.acquire()
    except Timeout:
        return True
    lock.release()
    return False


def read(home: Path) -> Up | None:
    """What the file says is up, whether it still is or not; None without a file that can be read."""
    try:
        return Up(**json.loads((home / STATE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def write(home: Path, up: Up) -> None:
    """Says in the file what is up."""
    whole = home / f"{STATE}.new"
    whole.write_text(json.dumps(asdict(up)), encoding="utf-8")
    os.replace(whole, home / STATE)


def forget(home: Path) -> None:
    """Deletes the file."""
    (home / STATE).unlink(missing_ok=True)


@contextmanager
def log_file(home: Path) -> Iterator[logging.Logger]:
    """A log that never takes more than LOG_BYTES and KEPT_LOGS older files of that size."""
    handler = RotatingFileHandler(home / LOG, maxBytes=LOG_BYTES, backupCount=KEPT_LOGS, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    log = logging.Logger("winbc up")
    log.addHandler(handler)
    try:
        yield log
    finally:
        handler.close()


def keep_up(
    process: subprocess.Popen[bytes],
    settings: Settings,
    log: logging.Logger,
    beside: Sequence[Beside] = BESIDE,
    wait: Callable[[float], None] = time.sleep,
) -> None:
    """Does every minute what runs beside the UI, for as long as the UI's process lives. One fault stops nothing.

    Raises: SystemUnavailable when the process has ended.
    """
    waited = EVERY_S
    while process.poll() is None:
        if waited >= EVERY_S:
            waited = 0
            for name, work in beside:
                _do(name, work, settings, log)
        wait(1)
        waited += 1
    words = f"The dashboard and Dagster's daemon ended by themselves (exit code {process.returncode})."
    raise SystemUnavailable(words, "`winbc logs` shows what they said last.")


def _do(name: str, work: Callable[[Settings], object], settings: Settings, log: logging.Logger) -> None:
    try:
        work(settings)
    except WinbcError as error:
        log.error("%s: %s", name, error)
    except Exception as error:  # noqa: BLE001 - what runs beside must not end the UI; its message may hold a person's data
        log.error("%s failed (%s)", name, type(error).__name__)


def beginning_of(pid: int) -> str:
    """When a process began, as its system tells it; empty when there is no such process."""
    stat = Path(f"/proc/{pid}/stat")
    if stat.parent.parent.joinpath("self").exists():  # Linux
        with suppress(OSError):
            return stat.read_text(encoding="utf-8").rpartition(")")[2].split()[19]  # proc(5): starttime
        return ""
    if sys.platform == "win32":
        import psutil

        with suppress(psutil.Error):
            return str(psutil.Process(pid).create_time())
        return ""
    told = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return told.stdout.strip()


def ask_to_end(pid: int) -> None:
    """Asks a process to end; on Windows, which knows no such question, ends it with its children."""
    if sys.platform == "win32":
        subprocess.run(["taskkill", "/F", "/T", "/PID", str(pid)], check=False, capture_output=True)
        return
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)


def end_left(up: Up) -> bool:
    """Ends the children that a killed process left behind; returns whether there were any."""
    if beginning_of(up.child) != up.began or not up.began:
        return False
    if sys.platform == "win32":
        ask_to_end(up.child)
        return True
    with suppress(ProcessLookupError):
        os.killpg(up.child, signal.SIGKILL)  # nothing is lost: the next run completes what a run had not done
    return True
