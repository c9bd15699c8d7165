"""What the command line says of an error: one line for people, whatever its type."""

import sqlite3
from collections.abc import Iterator

import httpx

from ..errors import NotWritable, WinbcError
from ..staging.store import NO_ROOM

# SQLite keeps Dagster's storage and the sandboxes' records.
SQLITE_NO_ROOM = ("SQLITE_FULL", "SQLITE_IOERR", "SQLITE_READONLY", "SQLITE_CANTOPEN")


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
