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
from ...staging.published.outcomes import MASKED, NOTHING, OUTCOME, SEPARATOR
from ...staging.store import create_table, literal, quote, rows_of
from ...sync.connected import ConnectedFlow
from ...sync.flow import Flow
from ...sync.outcomes import IGNORED
from ...sync.plan_table import PLANNED, planned_table
from ..redaction import SYSTEM_WORDS, without_personal_data
from .masking import E_MAIL, Mask, Open, holds_goods, mask_of, open_in

AT_ONCE = 50_000  # moves in one file
ROWS_OF_RECORD = 50  # of the source, that a record's story shows
# Reasons whose message a person typed, or is in a system's own words.
LOOKED_AT = (IGNORED, *SYSTEM_WORDS)
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
IS_PLANNED = "t.is_outcome AND p.version IS NOT DISTINCT FROM t.version"
"""SQL: the move is an outcome of the plan that is there now."""
CHANGES = f"CASE WHEN {IS_PLANNED} AND p.action IS DISTINCT FROM 'create' AND p.changes <> '[]' THEN p.changes END"
"""SQL of the changes of a record that was there before."""
WITH_BODY = "LEFT JOIN sent_payload AS s ON s.part = t.part AND s.key = t.key AND s.attempt_id = t.attempt_id"
"""SQL that joins moves (t) with the body that their call sent (s)."""


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
        try:
            _publish(connection, connected, known, taken.days, place)
        except (duckdb.CatalogException, duckdb.BinderException):  # no run has made the tables, or a new field, yet
            create_table(connection, planned_table(connected.flow), PLANNED)
            create_staging(connection, connected.staging)
            _publish(connection, connected, known, taken.days, place)
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
    """Puts the next moves after a place into the temporary table `taken`; None when there are no more.

    They are numbered as they were added: tables of a server have no numbers of their own for DuckDB.
    """
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE taken AS
        SELECT * EXCLUDE (hash), {OUTCOME} AS is_outcome, {_without_mail("key")} AS shown_key
        FROM (SELECT *, row_number() OVER () AS place FROM ledger_event WHERE moved_at >= ?)
        ORDER BY moved_at, place
        LIMIT {AT_ONCE} OFFSET {place.moves}""",
        [place.until],
    )
    moments = connection.execute("SELECT moved_at, count(*) FROM taken GROUP BY 1 ORDER BY 1").fetchall()
    if not moments:
        return None
    until, moves = moments[-1]
    days = sorted({moment.date() for moment, _ in moments})
    rows = sum(count for _, count in moments)
    return Taken(rows, days, Place(until, moves + (place.moves if until == place.until else 0)))


def _publish(
    connection: duckdb.DuckDBPyConnection, connected: ConnectedFlow, known: Open, days: list[date], place: Place
) -> None:
    """Publishes the moves in the table `taken`, which begin at a place."""
    _mask(connection, connected, mask_of(connected, known))
    for day in days:
        path = files.run_file(connected.settings, day, connected.flow.id, place.name)
        with files.replacing(path) as half:
            connection.execute(f"COPY ({_select(connected, known, day)}) TO {literal(str(half))} (FORMAT parquet)")


def _mask(connection: duckdb.DuckDBPyConnection, connected: ConnectedFlow, mask: Mask) -> None:
    """Puts what may tell something of a person, without what does, into the temporary table `masked`."""
    said = "CASE WHEN list_contains(?, t.reason) THEN t.message END"
    changes, sent = ("NULL", "NULL") if holds_goods(connected.flow) else (CHANGES, _sent(connected.flow))
    rows = rows_of(
        connection,
        f"""
        SELECT
            t.place, t.part, t.reason, {said} AS message,
            p.action AS planned_action, CASE WHEN t.message IS NOT NULL THEN p.body END AS body,
            {changes} AS changes, {sent} AS sent
        FROM taken AS t
        {_with_plan(connected.flow)}
        {"" if holds_goods(connected.flow) else WITH_BODY}
        WHERE coalesce({said}, {changes}, {sent}) IS NOT NULL""",
        [[*LOOKED_AT]] * 2,
    )
    columns = {
        "message": [row["message"] and without_personal_data(row) for row in rows],
        "changes": [mask.changes(row["part"], row["changes"]) for row in rows],
        "sent": [mask.body(row["part"], row["sent"]) for row in rows],
    }
    given = {name: values for name, values in columns.items() if any(values)}  # DuckDB takes long for long lists
    listed = ", ".join(f"{'unnest(?::VARCHAR[])' if name in given else 'NULL::VARCHAR'} AS {name}" for name in columns)
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE masked AS SELECT unnest(?::BIGINT[]) AS place, {listed}",
        [[row["place"] for row in rows], *given.values()],
    )


def _with_plan(flow: Flow) -> str:
    """SQL that joins moves (t) with the plan of their record (p)."""
    return f"LEFT JOIN {quote(planned_table(flow))} AS p ON p.part = t.part AND p.key = t.key"


def _sent(flow: Flow) -> str:
    """SQL of the body that was sent. Of documents these are the documents: of their customers next to nothing could be
    shown.
    """
    main = f"AND t.part = {literal(flow.main)}" if flow.document else ""
    return f"CASE WHEN NOT t.is_outcome {main} THEN s.body END"


def _select(connected: ConnectedFlow, known: Open, day: date) -> str:
    """SQL of the published rows of the moves of a day in the table `taken`."""
    flow = connected.flow
    looked_at, named = ", ".join(map(literal, LOOKED_AT)), literal(SEPARATOR.join(known.source))
    changes, sent = (CHANGES, _sent(flow)) if holds_goods(flow) else ("w.changes", "w.sent")
    return f"""
        SELECT
            {literal(flow.id)} AS flow, t.part, t.part = {literal(flow.main)} AS is_main,
            t.shown_key AS key, coalesce(t.target_no, l.target_no) AS target_no,
            lower(concat_ws({literal(SEPARATOR)}, t.shown_key, coalesce(t.target_no, l.target_no))) AS sought,
            t.from_state, t.state, t.action, t.reason,
            CASE WHEN list_contains([{looked_at}], t.reason) THEN w.message ELSE {_without_mail("t.message")} END
                AS message,
            l."window", t.moved_at AS moment, t.run_id, t.attempt_id, l.amount, l.currency, l.difference,
            t.mapping_version, CASE WHEN r.read IS NOT NULL THEN {named} END AS read_fields, r.read,
            CASE WHEN {IS_PLANNED} THEN {_without_mail("p.lookups")} END AS lookups,
            {changes} AS changes, {sent} AS sent
        FROM taken AS t
        {_with_plan(flow)}
        {WITH_BODY if holds_goods(flow) else ""}
        LEFT JOIN masked AS w ON w.place = t.place
        LEFT JOIN ledger AS l ON l.part = t.part AND l.key = t.key
        LEFT JOIN ({_read(connected, known)}) AS r ON r.part = t.part AND r.key = t.key AND r.is_outcome = t.is_outcome
        WHERE t.moved_at::DATE = DATE '{day}'"""


def _without_mail(text: str) -> str:
    """SQL of a text (given as SQL) without e-mail addresses."""
    return f"CASE WHEN contains({text}, '@') THEN regexp_replace({text}, {literal(E_MAIL)}, '…', 'g') ELSE {text} END"


def _read(connected: ConnectedFlow, known: Open) -> str:
    """SELECT of what was read of the records whose part has the source's own key: `part, key, is_outcome, read`."""
    fields = connected.staging.fields
    values = ", ".join(_written(name, shown, fields[name]) for name, shown in known.source.items())
    # Sorted afterwards: a list that is aggregated in an order takes DuckDB far longer.
    rows = f"list_sort(list({{'key': _key, 'text': concat_ws({literal(SEPARATOR)}, {values})}}))"
    selects = [
        f"""
        SELECT {literal(name)} AS part, {key} AS key, true AS is_outcome,
            list_transform({rows}[:{ROWS_OF_RECORD}], lambda row: row.text) AS read
        FROM {quote(connected.staging.name)}
        WHERE {key} IN (SELECT key FROM taken WHERE part = {literal(name)} AND is_outcome)
        GROUP BY 2"""
        for name, key in _named(connected)
    ]
    return " UNION ALL ".join(selects)


def _written(name: str, is_shown: bool, kind: str) -> str:
    """SQL of a field of the source as text; NOTHING for one that is empty."""
    field, nothing = quote(name), literal(NOTHING)
    if is_shown:
        return f"coalesce({field if kind == 'text' else f'{field}::VARCHAR'}, {nothing})"
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
