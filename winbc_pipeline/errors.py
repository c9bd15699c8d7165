"""Every exception of the program, grouped by what the caller can do about it.

    WinbcError
    ├── ConfigurationError   E-CONFIG       a setting or its source is wrong: correct it; nothing was read or written
    ├── MappingError         E-MAPPING      a mapping CSV is wrong: correct the row that the message names
    ├── SystemUnavailable    E-UNREACHABLE  a system does not answer: try again later
    ├── AuthenticationFailed E-AUTH         a system refuses the credentials: the flow stops until they are corrected
    ├── UnreadableAnswer     E-ANSWER       an answer is not as the system promises: nothing of it was used
    ├── StoreUnavailable     E-STORE        the flow's database is damaged, or (StoreBusy) another process uses it
    └── NotDone              E-NOT-DONE     what a person asked for would be wrong now: the message says what to do

Codes of single records (reason codes) are in sync/outcomes.py; both lists are explained in docs/errors.md.
"""


class WinbcError(Exception):
    """An error for people to read: its message says what happened and why, its hint says what to do.

    Neither may hold a secret or a person's data. `code` names the error in docs/errors.md.
    """

    code = "E-WINBC"

    def __init__(self, message: str, hint: str = "") -> None:
        text = f"{message} {hint}" if hint else message
        super().__init__(f"{self.code}: {text}")
        self.message, self.hint = message, hint


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

    code = "E-STORE"


class NotDone(WinbcError):
    """What a person asked for was not done, because it would be wrong now."""

    code = "E-NOT-DONE"


class StoreBusy(StoreUnavailable):
    """Another process uses the database of the flow; later it can be used again."""
