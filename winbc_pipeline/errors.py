"""Every exception of the program, grouped by what the caller can do about it.

    WinbcError
    ├── ConfigurationError   E-CONFIG       a setting or its source is wrong: correct it; nothing was read or written
    ├── MappingError         E-MAPPING      a mapping CSV is wrong: correct the row that the message names
    ├── SystemUnavailable    E-UNREACHABLE  a system does not answer: try again later
    ├── AuthenticationFailed E-AUTH         a system refuses the credentials: the flow stops until they are corrected
    ├── UnreadableAnswer     E-ANSWER       an answer is not as the system promises: nothing of it was used
    ├── StoreUnavailable                    the flow's database cannot be used:
    │   ├── StoreBusy        E-STORE        another process uses it
    │   ├── WrongKey         E-KEY          it is encrypted with another key than the one that is set: set that one
    │   ├── StoreDamaged     E-DB           it cannot be read: put it back from a backup
    │   └── StateUnavailable E-STATE        the server with the state does not answer: try again later
    │       └── LeaseLost    E-LEASE        the session that held the flow has ended: run it again
    ├── NotWritable          E-DISK         a file cannot be written: make room, or allow it
    ├── TooManyWrites        E-GUARD        a run would write much more than usual: look, and approve it
    ├── SourceShrank         E-SOURCE       a source gives less than half of before: look, and approve it
    ├── CallsSpent           E-CALLS        the calls that were allowed are used up: run it again, it goes on
    └── NotDone              E-NOT-DONE     what a person asked for would be wrong now: the message says what to do
        └── UnknownRecord    E-UNKNOWN      nobody knows the key that a person gave: the message says what is alike

Codes of single records (reason codes) are in sync/outcomes.py; both lists are explained in docs/errors.md.
"""

from pathlib import Path


class WinbcError(Exception):
    """An error for people to read: its message says what happened and why, its hint says what to do.

    Neither may hold a secret or a person's data. `code` names the error in docs/errors.md; E-WINBC is any other error.
    `system` is the name of the system that it is about, where it is about one.
    """

    code = "E-WINBC"

    def __init__(self, message: str, hint: str = "", system: str = "") -> None:
        text = f"{message} {hint}" if hint else message
        super().__init__(f"{self.code}: {text}")
        self.message, self.hint, self.system = message, hint, system


class ConfigurationError(WinbcError):
    """A setting, or the file or variable that gives it, is wrong."""

    code = "E-CONFIG"


class MappingError(WinbcError):
    """A mapping table, a lookup table or a file of functions is wrong."""

    code = "E-MAPPING"


class SystemUnavailable(WinbcError):
    """A system does not answer; the next run tries again."""

    code = "E-UNREACHABLE"


class AuthenticationFailed(WinbcError):
    """A system refuses the credentials; trying again does not help."""

    code = "E-AUTH"


class UnreadableAnswer(WinbcError):
    """An answer is not as the system promises: cut off, too large, or of another form."""

    code = "E-ANSWER"


class StoreUnavailable(WinbcError):
    """The database of a flow cannot be used."""


class NotDone(WinbcError):
    """What a person asked for was not done, because it would be wrong now."""

    code = "E-NOT-DONE"


class UnknownRecord(NotDone):
    """A person named a record that is neither among what was read nor in the ledger (workbench/unknown.py)."""

    code = "E-UNKNOWN"


class TooManyWrites(WinbcError):
    """A run would write more than it may unless a person approves it. Nothing of that was written."""

    code = "E-GUARD"


class SourceShrank(WinbcError):
    """A whole read of a source gave nothing, or less than half of the one before. None of it was mapped."""

    code = "E-SOURCE"


class CallsSpent(WinbcError):
    """A task has made as many calls as it may. What it has done is kept; the same command goes on from there."""

    code = "E-CALLS"


class StoreBusy(StoreUnavailable):
    """Another process uses the database of the flow; later it can be used again."""

    code = "E-STORE"


class WrongKey(StoreUnavailable):
    """A database is encrypted with another key than the one that is set, or none is set."""

    code = "E-KEY"

    def __init__(self, path: Path, needs: str) -> None:
        hint = "Set WINBC_DATABASES__ENCRYPTION_KEY to the key that it was encrypted with. Lost: docs/errors.md, E-KEY."
        super().__init__(f"{path} is encrypted: it needs {needs}. Nothing was changed.", hint)


class StoreDamaged(StoreUnavailable):
    """The database of a flow cannot be read; `why` holds nobody's data, `hint` is for another way on than a backup."""

    code = "E-DB"

    def __init__(self, path: Path, why: str, hint: str = "") -> None:
        safe = "Both systems and the databases of other flows are as they were, and this flow sends nothing."
        of_flow = f" --flow {path.stem}" if "_to_" in path.stem else ""
        backup = f"Put it back from a backup (`winbc restore FILE{of_flow}`). Without a backup: docs/errors.md, E-DB."
        super().__init__(f"{path} cannot be read: {why}. {safe}", hint or backup)


class StateUnavailable(StoreUnavailable):
    """The server that has the state of the connection does not answer, refuses, or ended a session."""

    code = "E-STATE"

    def __init__(self, server: str, why: str = "") -> None:
        what = f"{server} cannot be used: {why}." if why else f"{server} does not answer."
        safe = "What was committed before is safe, and nothing was sent that the ledger does not know."
        super().__init__(f"{what} {safe}", "Run it again when it answers: it goes on where it stopped.")


class LeaseLost(StateUnavailable):
    """The session that held the lease has ended, so another run may have it. Nothing was committed or sent since."""

    code = "E-LEASE"

    def __init__(self, name: str) -> None:
        lost = f"This run lost its session with the server, and so its lease of {name}."
        hint = "Run it again: it looks up what it has sent."
        WinbcError.__init__(self, f"{lost} From then on it committed nothing and sent nothing.", hint)


class NotWritable(WinbcError):
    """A file cannot be written: disk, quota or file-size limit is full, or writing is not allowed there."""

    code = "E-DISK"

    def __init__(self, path: Path | str, why: str) -> None:
        safe = "All that was committed before is safe, and nothing was sent that the ledger does not know."
        hint = "Make room there, or allow writing, and run it again: it goes on where it stopped."
        super().__init__(f"{path} cannot be written: {why}. {safe}", hint)


def named(error: BaseException) -> WinbcError:
    """The same error, or one that tells only the kind of an unexpected one: its text may hold a person's data."""
    if isinstance(error, WinbcError):
        return error
    return WinbcError(f"Something unexpected happened ({type(error).__name__}).")
