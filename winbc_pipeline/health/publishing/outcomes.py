"""Publishes what runs did to records: the moves of the ledger that were not published yet, as one file.

Here belongs: the SELECT. How far the ledger was published stands in the flow's status file (publish.py). It costs every
run, so each move is one row, and texts are put together rather than parsed.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import duckdb

from ...staging.load import create as create_staging
from ...staging.published import files
from ...staging.published.outcomes import MASKED, NOTHING, SEPARATOR
from ...staging.store import create_table, insert_rows, literal, quote, rows_of
from ...sync.connected import ConnectedFlow
from ...sync.outcomes import IGNORED
from ...sync.plan_table import PLANNED, planned_table
from ..redaction import SYSTEM_WORDS, without_personal_data
from .masking import E_MAIL, Open, holds_goods, masked_bodies, open_in

AT_ONCE = 50_000  # moves in one file
ROWS_OF_RECORD = 50  # of the source, that a record's story shows
# Reasons whose message a person typed, or is in a system's own words.
LOOKED_AT = (IGNORED, *SYSTEM_WORDS)
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
MESSAGES = dict.fromkeys(("part", "key", "place", "message"), "VARCHAR") | {"place": "BIGINT"}


@dataclass(frozen=True)
class Place:
    """How far a flow's ledger is published: up to a moment, and how many moves of that very moment."""

    until: datetime = BEGINNING
    moves: int = 0

    @property
    def name(self) -> str:
        return f"{self.until:%Y%m%dT%H%M%S%f}-{self.moves}"


def last_place(known: dict[str, Any]) -> Place:
    """How far a flow is published, as its status file says; the beginning when it says nothing."""
    published = known.get("published")
    return Place(datetime.fromisoformat(published["until"]), published["moves"]) if published else Place()


def publish_outcomes(connection: duckdb.DuckDBPyConnection, connected: ConnectedFlow, place: Place) -> Place:
    """Publishes what came into the ledger since a place; returns the place from which the next call goes on."""
    known: Open | None = None
    while taken := _take(connection, place):
        known = known or open_in(connected)
        create_table(connection, planned_table(connected.flow), PLANNED)
        create_staging(connection, connected.staging)
        _take_messages(connection, connected)
        _take_bodies(connection, connected, known)
        _take_read(connection, connected, known)
        for day in taken.days:
            path = files.run_file(connected.settings, day, connected.flow.id, place.name)
            with files.replacing(path) as half:
                connection.execute(f"COPY ({_select(connected, known, day)}) TO {literal(str(half))} (FORMAT parquet)")
        place = taken.reached
        if taken.rows < AT_ONCE:
            break
    return place


@dataclass(frozen=True)
class Taken:
    """Moves that are to be published at once.

    Attributes:
        days: of the moves (UTC).
        reached: the place after them.
    """

    rows: int
    days: list[date]
    reached: Place


def _take(connection: duckdb.DuckDBPyConnection, place: Place) -> Taken | None:
    """Puts the next moves after a place into the temporary table `taken`; None when there are no more."""
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE taken AS
        SELECT *, rowid AS place
        FROM ledger_event
        WHERE moved_at >= ?
        ORDER BY moved_at, rowid
        LIMIT {AT_ONCE} OFFSET {place.moves}""",
        [place.until],
    )
    rows, days, until, moves = connection.execute(
        """
        SELECT count(*), list(DISTINCT moved_at::DATE), max(moved_at),
            count(*) FILTER (moved_at = (SELECT max(moved_at) FROM taken))
        FROM taken"""
    ).fetchall()[0]
    if not rows:
        return None
    return Taken(rows, days, Place(until, moves + (place.moves if until == place.until else 0)))


def _take_messages(connection: duckdb.DuckDBPyConnection, connected: ConnectedFlow) -> None:
    """Puts the messages that may name a person, without what does, into the temporary table `message_masked`."""
    rows = rows_of(
        connection,
        f"""
        SELECT t.part, t.key, t.place, t.reason, t.message, p.action AS planned_action, p.body
        FROM taken AS t
        LEFT JOIN {quote(planned_table(connected.flow))} AS p USING (part, key)
        WHERE t.message IS NOT NULL AND list_contains(?, t.reason)""",
        [[*LOOKED_AT]],
    )
    connection.execute("DROP TABLE IF EXISTS message_masked")
    create_table(connection, "message_masked", MESSAGES, temporary=True)
    masked = [row | {"message": without_personal_data(row)} for row in rows]
    insert_rows(connection, "message_masked", MESSAGES, masked)


def _take_bodies(connection: duckdb.DuckDBPyConnection, connected: ConnectedFlow, known: Open) -> None:
    """Puts the bodies that were sent, with the values of open fields only, into the temporary table `body_masked`.

    Of documents these are the documents: of their customers next to nothing could be shown.
    """
    main = f"AND t.part = {literal(connected.flow.main)}" if connected.flow.document else ""
    sent = f"""
        FROM taken AS t
        JOIN sent_payload AS s USING (part, key, attempt_id)
        WHERE t.state = 'SENDING' {main}"""
    if holds_goods(connected.flow):
        connection.execute(f"CREATE OR REPLACE TEMP TABLE body_masked AS SELECT t.place, s.body {sent}")
        return
    rows = connection.execute(f"SELECT t.place, t.part, s.body {sent}").fetchall()
    places, bodies = masked_bodies(connected, known, rows)
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE body_masked AS SELECT unnest(?::BIGINT[]) AS place, unnest(?::VARCHAR[]) AS body",
        [places, bodies],
    )


def _take_read(connection: duckdb.DuckDBPyConnection, connected: ConnectedFlow, known: Open) -> None:
    """Puts what outcomes have of the plan and of the source into the temporary tables `plan_taken` and `read_taken`."""
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE plan_taken AS
        SELECT t.place, p.lookups, {_changes(connected, known)} AS changes
        FROM taken AS t
        JOIN {quote(planned_table(connected.flow))} AS p USING (part, key)
        WHERE t.state <> 'SENDING' AND p.version IS NOT DISTINCT FROM t.version"""
    )
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE read_taken AS
        SELECT t.place, r.read
        FROM taken AS t
        JOIN ({_read(connected, known)}) AS r USING (part, key)
        WHERE t.state <> 'SENDING'"""
    )


def _select(connected: ConnectedFlow, known: Open, day: date) -> str:
    """SQL of the published rows of the moves of a day in the table `taken`."""
    flow = connected.flow
    looked_at, named = ", ".join(map(literal, LOOKED_AT)), literal(SEPARATOR.join(known.source))
    return f"""
        SELECT
            {literal(flow.id)} AS flow, t.part, t.part = {literal(flow.main)} AS is_main,
            {_without_mail("t.key")} AS key, coalesce(t.target_no, l.target_no) AS target_no,
            lower(concat_ws({literal(SEPARATOR)}, {_without_mail("t.key")}, coalesce(t.target_no, l.target_no)))
                AS sought,
            t.from_state, t.state, t.action, t.reason,
            CASE WHEN t.reason IN ({looked_at}) THEN w.message ELSE {_without_mail("t.message")} END AS message,
            l."window", t.moved_at AS moment, t.run_id, t.attempt_id, l.amount, l.currency, l.difference,
            t.mapping_version, CASE WHEN r.read IS NOT NULL THEN {named} END AS read_fields, r.read,
            {_without_mail("p.lookups")} AS lookups,
            p.changes, b.body AS sent
        FROM taken AS t
        LEFT JOIN message_masked AS w ON w.place = t.place
        LEFT JOIN body_masked AS b ON b.place = t.place
        LEFT JOIN ledger AS l ON l.part = t.part AND l.key = t.key
        LEFT JOIN plan_taken AS p ON p.place = t.place
        LEFT JOIN read_taken AS r ON r.place = t.place
        WHERE t.moved_at::DATE = DATE '{day}'"""


def _without_mail(text: str) -> str:
    """SQL of a text (given as SQL) without e-mail addresses."""
    return f"CASE WHEN contains({text}, '@') THEN regexp_replace({text}, {literal(E_MAIL)}, '…', 'g') ELSE {text} END"


def _read(connected: ConnectedFlow, known: Open) -> str:
    """SELECT of what was read of the records whose part has the source's own key: `part, key, read`."""
    values = ", ".join(_written(name, shown) for name, shown in known.source.items())
    selects = [
        f"""
        SELECT {literal(name)} AS part, {key} AS key,
            list(concat_ws({literal(SEPARATOR)}, {values}) ORDER BY _key)[:{ROWS_OF_RECORD}] AS read
        FROM {quote(connected.staging.name)}
        WHERE {key} IN (SELECT key FROM taken WHERE part = {literal(name)} AND state <> 'SENDING')
        GROUP BY 2"""
        for name, key in _named(connected)
    ]
    return " UNION ALL ".join(selects)


def _written(name: str, is_shown: bool) -> str:
    """SQL of a field of the source as text; NOTHING for one that is empty."""
    field, nothing = quote(name), literal(NOTHING)
    if is_shown:
        return f"coalesce({field}::VARCHAR, {nothing})"
    return f"CASE WHEN {field} IS NULL THEN {nothing} ELSE {literal(MASKED)} END"


def _named(connected: ConnectedFlow) -> Iterator[tuple[str, str]]:
    """The parts that people name a record by, with the SQL of their keys."""
    flow = connected.flow
    if flow.document:
        yield flow.main, flow.part(flow.document.kind(connected.settings).header).key
        return
    for part in connected.parts:
        if part.key == "_key" or part.name == flow.main:
            yield part.name, part.key


def _changes(connected: ConnectedFlow, known: Open) -> str:
    """SQL of the changes of records that were there before (alias p), with the values of open fields only."""
    is_change = "p.action IS DISTINCT FROM 'create' AND p.changes <> '[]'"
    if holds_goods(connected.flow):
        return f"CASE WHEN {is_change} THEN p.changes END"
    cases = " ".join(
        f"WHEN {literal(part)} THEN [{', '.join(map(literal, names))}]::VARCHAR[]"
        for part, names in known.target.items()
    )
    of_line = r"regexp_matches(change.field, '^line \d+ \w+$') AND NOT regexp_matches(change.field, ' description2?$')"
    shown = f"list_contains(CASE p.part {cases} ELSE []::VARCHAR[] END, change.field) OR ({of_line})"
    return f"""
        CASE WHEN {is_change} THEN to_json(list_transform(
            from_json(p.changes, '[{{"field": "VARCHAR", "old": "JSON", "new": "JSON"}}]'),
            lambda change: CASE
                WHEN {shown} THEN change
                ELSE {{
                    field: change.field,
                    old: CASE WHEN change.old IS NOT NULL THEN to_json({literal(MASKED)}) END,
                    new: CASE WHEN change.new IS NOT NULL THEN to_json({literal(MASKED)}) END
                }}
            END
        ))::VARCHAR END"""
