"""The log of acts: a file of the connection that only grows. Each entry is sealed together with the one before it.

Here belongs: writing an entry, and reading them. Whether somebody altered the file: verify.py. No entry holds a
person's data: the record that an act is about stands there as a keyed mark, by which it is found again and no more.
"""

import getpass
import os
import socket
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import orjson
from filelock import FileLock, Timeout

from .. import clock
from ..errors import NotWritable, StoreBusy
from ..settings import Settings
from ..staging.people.installation_key import key_in, keyed
from ..staging.store import writing

Act = Literal[
    "adopt",
    "approve",
    "backup",
    "dagster",
    "edit",
    "erase",
    "export",
    "log-in",
    "log-out",
    "move-state",
    "pause",
    "refuse",
    "repair",
    "replay",
    "rerun",
    "resolve",
    "restore",
    "resume",
    "retry",
    "safe-mode",
    "show",
]
LOG, HEAD, LOCK = "audit.log", "audit.head", "audit.lock"
FILES = (LOG, HEAD)
MARK = 16  # hexadecimal digits of a record's mark
MOST_MARKED = 100  # records of one act that are marked one by one
WAIT_S = 10.0


@dataclass(frozen=True)
class Entry:
    """One act.

    Attributes:
        number: its place, from 1 on.
        at: the moment (UTC, ISO 8601).
        who: `os:` and the user of the operating system, or `dashboard:` and the name of the session.
        subject: what it is about, such as a flow's id or a table's name.
        records: marks of the records that it is about (`mark_of`), at most MOST_MARKED of them.
        count: how many records it is about; of `refuse`, how often.
        seal: the keyed hash of the entry and of the seal before it.
    """

    number: int
    at: str
    act: str
    who: str
    subject: str
    records: tuple[str, ...]
    count: int
    seal: str = ""


def record(
    settings: Settings, act: Act, subject: str, records: Iterable[str] = (), who: str = "", count: int = 0
) -> Entry:
    """Notes an act before it is done; what is not noted is not done.

    Args:
        subject: a flow's id, a table's or a setting's name; never a value or a key of a record.
        records: keys of the records that it is about. The log holds keyed marks of them.
        who: `dashboard:` and the name of the session; without it, the user of the operating system.
        count: how often, where it is about no records.

    Raises: NotWritable when the log, or that of the system, cannot be written, StoreBusy when another process keeps it.
    """
    folder, keys = settings.state_folder, list(dict.fromkeys(records))
    with writing(folder / LOG):
        key = key_in(folder)
        with unchanged(folder):
            marks = tuple(mark_of(key, each) for each in keys[:MOST_MARKED])
            number, before = _last(folder, key)
            given = (number + 1, clock.now().isoformat(), act, who or os_user(), subject, marks, len(keys) or count)
            entry = sealed(key, Entry(*given), before)
            _append(folder, key, entry)
    if settings.audit.syslog:
        _tell_system(settings.audit.syslog, settings.connection, entry)
    return entry


def _tell_system(path: Path, connection: str, entry: Entry) -> None:
    """Gives an entry to the log of the operating system, which another user keeps and may send on (RFC 3164, RFC 5424).

    Facility 10 is that of security, severity 5 a notice; the date is left to the system's log. Raises: NotWritable.
    """
    if sys.platform == "win32":
        raise NotWritable(path, "Windows has no such log")
    text = f"<{10 * 8 + 5}>winbc[{os.getpid()}]: {connection} ".encode() + line_of(entry)
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log:
            log.connect(str(path))
            log.send(text)
    except OSError as error:
        raise NotWritable(path, error.strerror or "it does not answer") from None


@contextmanager
def unchanged(folder: Path) -> Iterator[None]:
    """Until the block ends, no other process writes the log; StoreBusy when one keeps it."""
    lock = FileLock(str(folder / LOCK), timeout=WAIT_S, mode=0o600)
    try:
        lock.acquire()
    except Timeout:
        raise StoreBusy(f"{folder / LOG} is in use by another process.", "Try again; nothing was done.") from None
    try:
        yield
    finally:
        lock.release()


def entries(settings: Settings) -> Iterator[Entry]:
    """All acts, the oldest first, as the file has them. What is no entry is left out: `verify` names it."""
    for line in lines(settings.state_folder):
        if entry := entry_of(line):
            yield entry


def marked(settings: Settings, key: str) -> str:
    """The mark of a record of this connection, by its key: the same as in the entries that are about it."""
    return mark_of(key_in(settings.state_folder), key)


def mark_of(secret: str, key: str) -> str:
    """The mark of a record: nobody without the key of the installation finds the record by it."""
    return keyed(secret, f"audit record {key}")[:MARK]


def os_user() -> str:
    """Who runs the program, as the operating system says and not the environment, which anybody may set."""
    if sys.platform == "win32":
        return f"os:{getpass.getuser()}"
    import pwd

    try:
        return f"os:{pwd.getpwuid(os.getuid()).pw_name}"
    except KeyError:  # a container may run under a number without a name
        return f"os:{os.getuid()}"


def lines(folder: Path) -> list[bytes]:
    """The whole lines of the log; what a kill left behind the last one is none."""
    try:
        content = (folder / LOG).read_bytes()
    except FileNotFoundError:
        return []
    return content.split(b"\n")[:-1]


def entry_of(line: bytes) -> Entry | None:
    """The entry of a line; None for a line that is none."""
    try:
        read = orjson.loads(line)
        entry = Entry(**read | {"records": tuple(read["records"])})
    except (ValueError, TypeError, KeyError):
        return None
    return entry if isinstance(entry.number, int) and isinstance(entry.seal, str) else None


def line_of(entry: Entry) -> bytes:
    """An entry as its line in the log."""
    return orjson.dumps(asdict(entry))


def sealed(key: str, entry: Entry, before: str) -> Entry:
    """The entry with its seal.

    Args:
        before: the seal of the entry before it; empty for the first one.
    """
    unsealed = asdict(entry) | {"seal": ""}
    return Entry(**unsealed | {"seal": keyed(key, before + orjson.dumps(unsealed).decode())})


def head_of(key: str, number: int, seal: str) -> str:
    """What the second file says of the last entry. Only who has the key can write it for another one."""
    return f"{number} {seal} {keyed(key, f'audit head {number} {seal}')}"


def read_head(folder: Path, key: str) -> tuple[int, str] | None:
    """The number and the seal of the last entry; None without the file, or with one that the key has not made."""
    try:
        text = (folder / HEAD).read_text(encoding="utf-8").strip()
        number, seal, _ = text.split(" ")
        return (int(number), seal) if text == head_of(key, int(number), seal) else None
    except (FileNotFoundError, ValueError):
        return None


def _last(folder: Path, key: str) -> tuple[int, str]:
    """The number and the seal of what is the last entry, whatever somebody did to the files."""
    whole = [entry for line in lines(folder) if (entry := entry_of(line))]
    in_log = (whole[-1].number, whole[-1].seal) if whole else (0, "")
    return max(in_log, read_head(folder, key) or (0, ""))


def _append(folder: Path, key: str, entry: Entry) -> None:
    """Writes the log first and then the head: a kill between the two leaves an entry too many, and none too few."""
    with open(folder / LOG, "ab", opener=_for_owner) as file:
        file.truncate(sum(len(line) + 1 for line in lines(folder)))  # without what a kill has left of a line
        file.write(line_of(entry) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    unfinished = folder / f"{HEAD}.new"
    with open(unfinished, "w", encoding="utf-8", opener=_for_owner) as head:
        head.write(head_of(key, entry.number, entry.seal))
        head.flush()
        os.fsync(head.fileno())
    os.replace(unfinished, folder / HEAD)


def _for_owner(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
