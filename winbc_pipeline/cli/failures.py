"""How a command ends that does not come to its end: by an error, or by Ctrl-C. One line for people, no traceback."""

import os
import signal
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import SimpleNamespace

import httpx
from rich.console import Console

from ..errors import NotDone, NotWritable, WinbcError
from ..staging.store import NO_ROOM
from .output import say

SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
END_S = 4  # most seconds from Ctrl-C to the end; the protocol of the ledger covers a kill
INTERRUPTED = 130  # exit code, as of a shell
options = SimpleNamespace(debug=False)
# SQLite keeps Dagster's storage and the sandboxes' records.
SQLITE_NO_ROOM = ("SQLITE_FULL", "SQLITE_IOERR", "SQLITE_READONLY", "SQLITE_CANTOPEN")


@contextmanager
def told(console: Console) -> Iterator[None]:
    """Prints one line for an error of the block, and ends: with exit code 1 when what a person asked for is not done,
    else with 2. With `--debug` the error goes on."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - no traceback reaches a terminal
        if options.debug:
            raise
        say(console, (in_words(error), "red"))
        raise SystemExit(1 if isinstance(error, NotDone) else 2) from None


@contextmanager
def interruptible(console: Console, words: str) -> Iterator[None]:
    """In the block, Ctrl-C or another signal to end prints words and raises KeyboardInterrupt.

    What waits for an answer then is killed after END_S seconds. A second Ctrl-C does not disturb the ending. Exit code
    1, which typer makes of a Ctrl-C while a person is asked, becomes INTERRUPTED.
    """
    ended = threading.Event()

    def kill() -> None:
        console.show_cursor()  # a progress bar hides it
        os._exit(INTERRUPTED)

    def end(*_: object) -> None:
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        killer = threading.Timer(END_S, kill)
        killer.daemon = True
        killer.start()
        say(console, words)
        ended.set()
        raise KeyboardInterrupt

    before = {number: signal.signal(number, end) for number in SIGNALS}
    try:
        yield
    except SystemExit as error:
        if ended.is_set() and error.code == 1:
            raise SystemExit(INTERRUPTED) from None
        raise
    finally:
        for number, handler in before.items():
            if signal.getsignal(number) is end:
                signal.signal(number, handler)


def wait_for_interrupt() -> None:
    """Waits until Ctrl-C, or until another process asks this one to end."""
    with suppress(KeyboardInterrupt):
        while True:
            time.sleep(1)


def in_words(error: BaseException) -> str:
    """The line for an error. A message that may quote a person's data is not repeated."""
    for each in _chain(error):
        if isinstance(each, WinbcError):
            return str(each)
        if isinstance(each, OSError) and each.errno in NO_ROOM:
            return str(NotWritable(each.filename or "A file of this run", each.strerror or "full"))
        if isinstance(each, sqlite3.Error) and getattr(each, "sqlite_errorname", "").startswith(SQLITE_NO_ROOM):
            return str(NotWritable("A database of Dagster or of the sandboxes in the data folder", str(each)))
    if isinstance(error, OSError):
        return f"{error.filename or ''} {error.strerror or error}".strip()
    if isinstance(error, httpx.HTTPError):  # only the commands that call a sandbox let one through
        return f"No answer from there ({type(error).__name__}): is the sandbox running?"
    what = f"{WinbcError.code}: something unexpected happened ({type(error).__name__})."
    return f"{what} The ledger is as its last commit left it. `winbc --debug` before the command shows where."


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error, and those that it was raised from."""
    while error is not None:
        yield error
        error = error.__cause__
