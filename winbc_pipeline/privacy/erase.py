"""Erases a person from all that a connection keeps, and says so in a certificate.

The order makes a kill harmless: who is meant goes into a journal first, then the marks that keep the person from coming
back, then one store after the other. The next call completes what a killed one has left, and deletes the journal.
What stays: Business Central's and Winstore's own records, and backups that were copied elsewhere.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import orjson

from .. import audit, clock
from ..errors import NotDone
from ..settings import Settings
from ..staging.people import erased
from ..staging.people.installation_key import key_in, keyed
from ..staging.schema import program
from ..staging.store import writing
from ..workbench.keeping.lasting import CERTIFICATES
from ..workbench.keeping.restore import at_rest
from .block import block
from .come_back import come_back
from .person import Person, identify
from .requests import empty
from .stores import DELETED, erasers, find, undeclared

JOURNAL = "erasing.json"
BLOCKED, REQUESTS = "Business Central", "Business Central, companion app"  # names among the stores of a certificate
NOBODY_NAMED = "of people who were erased before, or of an erasing that was cut off"
WAIT_S = 60.0
LEFT = (
    "Business Central keeps its customers and documents: the law asks for them.",
    "Winstore keeps what it has: erase the person there, too.",
    "Backups that were copied out of the folder of the connection, and files that people exported, are as they were.",
    "Order numbers stay in the ledger, so that no order is sent twice.",
)


@dataclass
class Erasing:
    """An erasing that goes on, as the journal has it.

    Attributes:
        by: who asked for it; at: when (UTC).
        done: what was done, by store.
        person: whom: only until all is done.
    """

    by: str
    at: str
    done: dict[str, str] = field(default_factory=dict)
    person: Person = field(default_factory=Person)


@dataclass(frozen=True)
class Certificate:
    """That a person was erased: where, when and by whom, and not who it was.

    Attributes:
        mark: the keyed mark of what was asked for: with the same text and the key it can be proven whom it is about.
        stores: what was done, by store; left: what stays.
    """

    connection: str
    asked_at: str
    done_at: str
    by: str
    program: str
    mark: str
    stores: dict[str, str]
    left: tuple[str, ...] = LEFT


def unfinished(settings: Settings) -> Erasing | None:
    """The erasing that a kill has left; None for none."""
    try:
        read = orjson.loads((settings.state_folder / JOURNAL).read_bytes())
    except FileNotFoundError:
        return None
    known: dict[str, Any] = read.pop("person")
    orders = {flow: set(keys) for flow, keys in known.pop("orders").items()}
    texts = {name: set(value) for name, value in known.items() if isinstance(value, list)}
    return Erasing(**read, person=Person(by_email=known["by_email"], orders=orders, **texts))


def erase(settings: Settings, text: str, who: str = "") -> tuple[Certificate, Path]:
    """Erases whom a text names (person.identify); returns the certificate and its file.

    What an earlier call has left is completed first.
    Raises: NotDone when nobody is found, or when it is not clear who is meant; StoreBusy while a run goes on for too
        long; NotWritable. What is done stays done.
    """
    complete(settings)
    person = identify(settings, text)
    if not any(each.act != DELETED for each in find(settings, person)):
        raise NotDone("Nothing is kept of this person.", "Look at `winbc privacy find`.")
    entry = audit.record(settings, "erase", "a person", [text.strip().lower()], who)
    erasing = Erasing(entry.who, clock.now().isoformat(), person=person)
    _note(settings, erasing)
    return _carry_out(settings, erasing, text)


def again(settings: Settings, who: str = "") -> Iterator[Path]:
    """Erases once more who was erased before and is there again, as after a restore of an older backup.

    Yields the certificates: none when nobody is there again.
    Raises: as `erase`.
    """
    complete(settings)
    for person in come_back(settings):
        entry = audit.record(settings, "erase", "people who were erased before", who=who)
        erasing = Erasing(entry.who, clock.now().isoformat(), person=person)
        _note(settings, erasing)
        yield _carry_out(settings, erasing, "")[1]


def complete(settings: Settings) -> Path | None:
    """Completes an erasing that a kill has left; returns its certificate's file, None when there was nothing to do."""
    left = unfinished(settings)
    return _carry_out(settings, left, "")[1] if left else None


def _carry_out(settings: Settings, erasing: Erasing, text: str) -> tuple[Certificate, Path]:
    folder = settings.state_folder
    erased.add(folder, erasing.person.named())
    with at_rest(settings, WAIT_S):
        if settings.bc.block_erased and BLOCKED not in erasing.done:
            erasing.done[BLOCKED] = "; ".join(block(settings, erasing.person))
            _note(settings, erasing)
        if REQUESTS not in erasing.done and (words := empty(settings, erasing.person)):
            erasing.done[REQUESTS] = words
            _note(settings, erasing)
        for store, words in erasers(settings, erasing.person):
            erasing.done.setdefault(store, words)
            _note(settings, erasing)
        mark = keyed(key_in(folder), f"erased {text.strip().lower()}") if text else NOBODY_NAMED
        others = [f"{name} is no file of winbc, and was not looked at." for name in undeclared(settings)]
        times = (erasing.at, clock.now().isoformat())
        made = Certificate(settings.connection, *times, erasing.by, program(), mark, erasing.done, (*LEFT, *others))
        path = _written(folder, made)
        _forget(folder / JOURNAL)
    return made, path


def _written(folder: Path, made: Certificate) -> Path:
    path = folder / CERTIFICATES / f"erasing-{made.asked_at.replace(':', '').partition('+')[0]}.json"
    with writing(path):
        path.parent.mkdir(exist_ok=True, mode=0o700)
        _put(path, orjson.dumps(asdict(made), option=orjson.OPT_INDENT_2))
    return path


def _note(settings: Settings, erasing: Erasing) -> None:
    path = settings.state_folder / JOURNAL
    with writing(path):
        _put(path, orjson.dumps(asdict(erasing), default=sorted))


def _put(path: Path, content: bytes) -> None:
    """Writes a file whole or not at all, and waits until the disk has it."""
    whole = path.with_name(f"{path.name}.new")
    with os.fdopen(os.open(whole, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(whole, path)


def _forget(path: Path) -> None:
    """Overwrites the journal before it is deleted: it names the person."""
    with suppress(FileNotFoundError), path.open("r+b") as file:
        file.write(b" " * path.stat().st_size)
        file.flush()
        os.fsync(file.fileno())
    path.unlink(missing_ok=True)


def certificates(settings: Settings) -> Iterator[Path]:
    """The certificates of a connection, the oldest first."""
    yield from sorted((settings.state_folder / CERTIFICATES).glob("*.json"))
