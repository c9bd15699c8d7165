"""Every exception of the program, grouped by what the caller can do about it.

    WinbcError
    ├── ConfigurationError   E-CONFIG       a setting or its source is wrong: mend it, nothing was read or written
    ├── MappingError         E-MAPPING      a mapping CSV is wrong: mend the named row
    ├── SystemUnavailable    E-UNREACHABLE  a system does not answer: try again later
    ├── AuthenticationFailed E-AUTH         a system refuses the credentials: stops the flow
    ├── UnreadableAnswer     E-ANSWER       an answer is not what the system promises: nothing was taken from it
    ├── StoreUnavailable     E-STORE        the flow's database is damaged, or (StoreBusy) in use
    └── NotDone              E-NOT-DONE     what a person asked for would be wrong now: the words say what is possible

Codes of single records (reason codes) are in sync/outcomes.py; both lists are explained in docs/errors.md.
"""


class WinbcError(Exception):
    """What happened, why and what to do, in words for people; never a secret, never a person's data."""

    code = "E-WINBC"

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(f"{self.code}: {message}{' ' if hint else ''}{hint}")
        self.message, self.hint = message, hint


class ConfigurationError(WinbcError):
    code = "E-CONFIG"


class MappingError(WinbcError):
    code = "E-MAPPING"


class SystemUnavailable(WinbcError):
    code = "E-UNREACHABLE"


class AuthenticationFailed(WinbcError):
    code = "E-AUTH"


class UnreadableAnswer(WinbcError):
    code = "E-ANSWER"


class StoreUnavailable(WinbcError):
    code = "E-STORE"


class NotDone(WinbcError):
    code = "E-NOT-DONE"


class StoreBusy(StoreUnavailable):
    """Another process is at work in it: later will do."""
