"""What a connection remembers of failed runs and of the messages that were sent: a database of its own.

Here belongs: reading and writing it. It is apart from the flows' databases, so that whoever sends messages never waits
for a run. One process sends at a time (flush.py).
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import duckdb

from ..errors import WinbcError
from ..settings import Settings
from ..staging.people.personal import PersonalTable, nothing
from ..staging.published import files
from ..staging.store import Store, create_table, insert_rows, rows_of
from .problem import Name

MOMENT = "TIMESTAMPTZ"
FAILURE = {
    **dict.fromkeys(("flow", "reason", "system", "words", "fix"), "VARCHAR"),
    "since": MOMENT,
}
TRACK = {
    **dict.fromkeys(("flow", "kind", "reason", "cause"), "VARCHAR"),
    **dict.fromkeys(("opened_at", "closed_at", "first_sent_at"), MOMENT),
    **dict.fromkeys(("flows", "words"), "VARCHAR"),
    "sent": "INTEGER",
    "told": "BOOLEAN",
    "records": "BIGINT",
}
MESSAGE = {
    **dict.fromkeys(("id", "channel", "subject"), "VARCHAR"),
    **dict.fromkeys(("began_at", "taken_at"), MOMENT),
    "weight": "INTEGER",
}
OUTAGE = {"channel": "VARCHAR", "since": MOMENT, "tried_at": MOMENT, "tries": "INTEGER"}
TABLES = {"run_failure": FAILURE, "track": TRACK, "message": MESSAGE, "outage": OUTAGE}
# Columns that a database of an earlier version lacks.
LATER = (("track", "words VARCHAR DEFAULT ''"), ("message", "weight INTEGER DEFAULT 1"))
KEPT = timedelta(days=90)
OF_JOB = "/"  # between a flow's id and the name of a job of its own


@dataclass(frozen=True)
class Failure:
    """Why the last run of a flow ended without sending its plan.

    Attributes:
        flow: its id. That of another job of the flow has the job's name behind it (`other_job`).
    """

    flow: str
    reason: str
    system: str
    words: str
    fix: str
    since: datetime

    @property
    def of_flow(self) -> str:
        """The id of the flow, whichever of its jobs failed."""
        return self.flow.partition(OF_JOB)[0]


@dataclass(frozen=True)
class Track:
    """What was told of a problem.

    Attributes:
        opened_at, closed_at: of the problem; `closed_at` is None while it is open.
        first_sent_at: when it was first told that it is open, or when it was mended before it came back.
        sent: how many messages have said that it is open.
        told: whether the last message about it said that it is open.
        records: how many records it had at most.
        flows: ids of the flows that it has stopped or slowed down, with blanks between.
        words: what happened, where no record tells it.
    """

    opened_at: datetime
    closed_at: datetime | None = None
    first_sent_at: datetime | None = None
    sent: int = 0
    told: bool = False
    records: int = 0
    flows: str = ""
    words: str = ""


@dataclass(frozen=True)
class Outage:
    """That a channel takes no messages."""

    channel: str
    since: datetime
    tried_at: datetime
    tries: int


class Sent(NamedTuple):
    """When a message went out, and how much what it told weighs (decide.py)."""

    moment: datetime
    weight: int


@dataclass(frozen=True)
class Remembered:
    """All that is remembered for the decision what to send."""

    failures: tuple[Failure, ...] = ()
    tracks: Mapping[Name, Track] = field(default_factory=dict)
    sent: tuple[Sent, ...] = ()
    outages: Mapping[str, Outage] = field(default_factory=dict)


def other_job(flow: str, job: str) -> str:
    """What failures of a flow's other job are kept under, so that a success of one job ends no failure of another."""
    return f"{flow}{OF_JOB}{job}"


def store_of(settings: Settings) -> Store:
    """The database of a connection's health."""
    return Store.of(settings, settings.state_folder / "health.duckdb", 64)


def remembered(settings: Settings, since: datetime) -> Remembered:
    """What is remembered; messages since a moment only."""
    store = store_of(settings)
    if not store.exists():
        return Remembered()
    with store.open() as connection:
        _create(connection)
        tracks = {}
        for row in rows_of(connection, "FROM track"):
            name = Name(*(row.pop(part) for part in Name._fields))
            tracks[name] = Track(**row)
        messages = "SELECT began_at, weight FROM message WHERE began_at > ? ORDER BY ALL"
        sent = tuple(Sent(*row) for row in connection.execute(messages, [since]).fetchall())
        outages = [Outage(**row) for row in rows_of(connection, "FROM outage")]
        failures = [Failure(**row) for row in rows_of(connection, "FROM run_failure ORDER BY since, flow")]
    return Remembered(tuple(failures), tracks, sent, {each.channel: each for each in outages})


def remember(settings: Settings, tracks: Mapping[Name, Track], outages: Iterable[Outage]) -> None:
    """Puts tracks and outages in the place of those before."""
    with _written(settings) as connection:
        _replace(connection, tracks, outages)


def begin_message(settings: Settings, number: str, channel: str, subject: str, sent: Sent) -> None:
    """Notes that a message is about to be sent. Where this cannot be noted, nothing may be sent."""
    with store_of(settings).transaction() as connection:
        _create(connection)
        row = {"id": number, "channel": channel, "subject": subject, "began_at": sent.moment, "weight": sent.weight}
        insert_rows(connection, "message", MESSAGE, [row])
        connection.execute("DELETE FROM message WHERE began_at < ?", [sent.moment - KEPT])


def end_message(
    settings: Settings, number: str, now: datetime, tracks: Mapping[Name, Track] | None, outages: Iterable[Outage]
) -> None:
    """Notes that a message was taken, with what it told; without tracks, that it was not."""
    with _written(settings) as connection:
        if tracks is None:
            connection.execute("DELETE FROM message WHERE id = ?", [number])
            _replace_outages(connection, outages)
            return
        connection.execute("UPDATE message SET taken_at = ? WHERE id = ?", [now, number])
        _replace(connection, tracks, outages)


def note_failure(settings: Settings, failure: Failure) -> None:
    """Notes why a run of a flow failed. The same failure keeps the moment of its first time."""
    with _written(settings) as connection:
        same = [failure.flow, failure.reason, failure.system]
        old = connection.execute(
            "SELECT since FROM run_failure WHERE flow = ? AND reason = ? AND system = ?", same
        ).fetchone()
        connection.execute("DELETE FROM run_failure WHERE flow = ?", [failure.flow])
        row = asdict(failure) | ({"since": old[0]} if old else {})
        insert_rows(connection, "run_failure", FAILURE, [row])


def forget_failure(settings: Settings, flow: str) -> None:
    """Notes that a run of a flow came to its end."""
    if not store_of(settings).exists():
        return
    with _written(settings) as connection:
        connection.execute("DELETE FROM run_failure WHERE flow = ?", [flow])


@contextmanager
def _written(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """A transaction on the database. What it says of failures and outages afterwards is published."""
    with store_of(settings).transaction() as connection:
        _create(connection)
        yield connection
        known = {name: rows_of(connection, f"FROM {name}") for name in ("run_failure", "outage")}
    with suppress(WinbcError, OSError):  # a full disk is told by what must be stored
        files.write(files.alerts_file(settings), known)


def published(settings: Settings) -> Remembered:
    """The failures and outages as they were last published, without opening the database."""
    known = files.read(files.alerts_file(settings))
    failures = [Failure(**_with_moments(row, FAILURE)) for row in known.get("run_failure", [])]
    outages = [Outage(**_with_moments(row, OUTAGE)) for row in known.get("outage", [])]
    return Remembered(failures=tuple(failures), outages={each.channel: each for each in outages})


def _with_moments(row: Mapping[str, Any], columns: Mapping[str, str]) -> dict[str, Any]:
    return {
        name: datetime.fromisoformat(value) if columns[name] == MOMENT and value else value
        for name, value in row.items()
    }


def _create(connection: duckdb.DuckDBPyConnection) -> None:
    for name, columns in TABLES.items():
        create_table(connection, name, columns)
    for table, column in LATER:
        connection.execute(f"ALTER TABLE {table} ADD COLUMN IF NOT EXISTS {column}")


def _replace(connection: duckdb.DuckDBPyConnection, tracks: Mapping[Name, Track], outages: Iterable[Outage]) -> None:
    connection.execute("DELETE FROM track")
    rows: list[dict[str, Any]] = [
        {**name._asdict(), **{each.name: getattr(track, each.name) for each in fields(Track)}}
        for name, track in tracks.items()
    ]
    insert_rows(connection, "track", TRACK, rows)
    _replace_outages(connection, outages)


def _replace_outages(connection: duckdb.DuckDBPyConnection, outages: Iterable[Outage]) -> None:
    connection.execute("DELETE FROM outage")
    insert_rows(connection, "outage", OUTAGE, [asdict(each) for each in outages])


PERSONAL = (
    PersonalTable("run_failure", "texts", {"words": "", "fix": ""}),
    PersonalTable("track", "texts", {"words": ""}),
    PersonalTable("message", "texts", {"subject": ""}),
    *nothing("outage"),
)
"""What these tables hold of people (staging/people/personal.py)."""
