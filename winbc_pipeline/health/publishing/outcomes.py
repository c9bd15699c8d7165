"""Publishes what runs did to records: the moves of the ledger that were not published yet, as one file.

Here belongs: the SELECT. How far the ledger was published stands in the flow's status file (publish.py).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import duckdb
import orjson

from ...staging.load import create as create_staging
from ...staging.published import files
from ...staging.published.outcomes import MASKED
from ...staging.store import create_table, insert_rows, literal, quote, rows_of
from ...sync.connected import ConnectedFlow
from ...sync.flow import Part
from ...sync.outcomes import IGNORED
from ...sync.plan_table import PLANNED, planned_table
from ..redaction import SYSTEM_WORDS, without_personal_data
from .masking import E_MAIL, is_of_goods, open_fields, open_of_line, open_source

AT_ONCE = 50_000  # moves in one file
ROWS_OF_RECORD = 50  # of the source, that a record's story shows
# What a person typed, and what a system answered in its own words.
LOOKED_AT = (IGNORED, *SYSTEM_WORDS)
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Place:
    """How far a flow's ledger is published: up to a moment, and how many moves of that very moment."""

    until: datetime = BEGINNING
    moves: int = 0

    @property
    def name(self) -> str:
        return f"{self.until:%Y%m%dT%H%M%S%f}-{self.moves}"


def publish_outcomes(
    connection: duckdb.DuckDBPyConnection, connected: ConnectedFlow, place: Place, now: datetime
) -> Place:
    """Publishes what came into the ledger since a place; returns the place from which the next call goes on."""
    while True:
        reached = _reached(connection, place)
        if reached == place:
            return place
        _take(connection, connected, place)
        path = files.run_file(connected.settings, now.date(), connected.flow.id, place.name)
        with files.replacing(path) as half:
            connection.execute(
                f"COPY ({_select(connected)}) TO {literal(str(half))} (FORMAT parquet, COMPRESSION zstd)"
            )
        place = reached


def _reached(connection: duckdb.DuckDBPyConnection, place: Place) -> Place:
    """The place after the next moves."""
    rows = connection.execute(
        f"""
        WITH taken AS ({_next(place)})
        SELECT max(moved_at), count(*) FILTER (moved_at = (SELECT max(moved_at) FROM taken)) FROM taken""",
        [place.until],
    ).fetchall()
    until, moves = rows[0]
    if until is None:
        return place
    return Place(until, moves + (place.moves if until == place.until else 0))


def _next(place: Place) -> str:
    """SELECT of the next moves, with the place's moment as bound value."""
    return f"""
        SELECT *, rowid AS place
        FROM ledger_event
        WHERE moved_at >= ?
        ORDER BY moved_at, rowid
        LIMIT {AT_ONCE} OFFSET {place.moves}"""


def _take(connection: duckdb.DuckDBPyConnection, connected: ConnectedFlow, place: Place) -> None:
    """Puts the outcomes of the next moves, with their masked messages, into temporary tables."""
    create_table(connection, planned_table(connected.flow), PLANNED)
    create_staging(connection, connected.staging)
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE moves_taken AS
        SELECT
            part, key, run_id,
            arg_max(ledger_event, place) AS last,
            list({{moment: moved_at, from_state: from_state, state: state, reason: reason, attempt_id: attempt_id}}
                ORDER BY place) AS steps,
            arg_max(attempt_id, place) FILTER (state = 'SENDING') AS attempt_id
        FROM ({_next(place)}) AS ledger_event
        GROUP BY part, key, run_id""",
        [place.until],
    )
    connection.execute("DROP TABLE IF EXISTS message_masked")
    create_table(connection, "message_masked", dict.fromkeys(("part", "key", "run_id", "message"), "VARCHAR"), True)
    insert_rows(connection, "message_masked", dict.fromkeys(("part", "key", "run_id", "message"), "VARCHAR"),
        [*_masked_messages(connection, connected)])


def _masked_messages(connection: duckdb.DuckDBPyConnection, connected: ConnectedFlow) -> Iterator[dict[str, Any]]:
    rows = rows_of(
        connection,
        f"""
        SELECT m.part, m.key, m.run_id, m.last.reason, m.last.message, p.action AS planned_action, p.body
        FROM moves_taken AS m
        LEFT JOIN {quote(planned_table(connected.flow))} AS p USING (part, key)
        WHERE m.last.message IS NOT NULL AND list_contains(?, m.last.reason)""",
        [[*LOOKED_AT]],
    )
    for row in rows:
        yield {name: row[name] for name in ("part", "key", "run_id")} | {"message": without_personal_data(row)}


def _select(connected: ConnectedFlow) -> str:
    """SELECT of the outcomes in the table `moves_taken`, with what each record's story needs."""
    flow = connected.flow
    looked_at = ", ".join(map(literal, LOOKED_AT))
    return f"""
        SELECT
            {literal(flow.id)} AS flow, m.part, m.part = {literal(flow.main)} AS is_main,
            {_without_mail("m.key")} AS key,
            coalesce(l.target_no, m.last.target_no) AS target_no,
            m.last.state AS state, m.last.action AS action, m.last.reason AS reason,
            CASE
                WHEN m.last.reason IN ({looked_at}) THEN w.message
                ELSE {_without_mail("m.last.message")}
            END AS message,
            l."window", m.last.moved_at AS moment, m.run_id, l.amount, l.currency, l.difference,
            m.last.mapping_version AS mapping_version, m.steps,
            r.read, {_without_mail("p.lookups")} AS lookups,
            {_changes(connected)} AS changes,
            {_sent(connected)} AS sent,
            CASE WHEN json_type(s.body) = 'OBJECT' THEN json_keys(s.body) END AS sent_fields,
            s.sent_at
        FROM moves_taken AS m
        LEFT JOIN message_masked AS w
            ON w.part = m.part AND w.key = m.key AND w.run_id IS NOT DISTINCT FROM m.run_id
        LEFT JOIN ledger AS l ON l.part = m.part AND l.key = m.key
        LEFT JOIN {quote(planned_table(flow))} AS p
            ON p.part = m.part AND p.key = m.key AND p.version IS NOT DISTINCT FROM m.last.version
        LEFT JOIN (
            SELECT part, key, attempt_id, any_value(body) AS body, max(sent_at) AS sent_at
            FROM sent_payload
            GROUP BY ALL
        ) AS s ON s.part = m.part AND s.key = m.key AND s.attempt_id = m.attempt_id
        LEFT JOIN ({_read(connected)}) AS r ON r.part = m.part AND r.key = m.key
        ORDER BY moment"""


def _without_mail(text: str) -> str:
    """SQL of a text (given as SQL) without e-mail addresses."""
    return f"CASE WHEN contains({text}, '@') THEN regexp_replace({text}, {literal(E_MAIL)}, '…', 'g') ELSE {text} END"


def _read(connected: ConnectedFlow) -> str:
    """SELECT of what was read of the records whose part has the source's own key: `part, key, read`."""
    flow, staging = connected.flow, connected.staging
    fields = ", ".join(
        f"{quote(name)}: "
        + (quote(name) if shown else f"CASE WHEN {quote(name)} IS NOT NULL THEN {literal(MASKED)} END")
        for name, shown in open_source(connected).items()
    )
    selects = [
        f"""
        SELECT {literal(name)} AS part, {key} AS key,
            to_json(list({{{fields}}} ORDER BY _key)[:{ROWS_OF_RECORD}])::VARCHAR AS read
        FROM {quote(staging.name)}
        WHERE {key} IN (SELECT key FROM moves_taken WHERE part = {literal(name)})
        GROUP BY 2"""
        for name, key in _named(connected)
    ]
    return " UNION ALL ".join(selects)


def _named(connected: ConnectedFlow) -> Iterator[tuple[str, str]]:
    """The parts that people name a record by, with the SQL of their keys."""
    flow = connected.flow
    if flow.document:
        yield flow.main, flow.part(flow.document.kind(connected.settings).header).key
        return
    for part in connected.parts:
        if part.key == "_key" or part.name == flow.main:
            yield part.name, part.key


def _changes(connected: ConnectedFlow) -> str:
    """SQL of the planned changes (alias p), with the values of open fields only."""
    if is_of_goods(connected.flow):
        return "p.changes"
    cases = " ".join(
        f"WHEN {literal(part.name)} THEN {_listed(open_fields(connected, part))}" for part in connected.parts
    )
    of_line = r"regexp_matches(change.field, '^line \d+ \w+$') AND NOT regexp_matches(change.field, ' description2?$')"
    shown = f"list_contains(CASE p.part {cases} ELSE []::VARCHAR[] END, change.field) OR ({of_line})"
    mask = literal(orjson.dumps(MASKED).decode())
    return f"""
        CASE WHEN p.changes IS NOT NULL AND p.changes <> '[]' THEN to_json(list_transform(
            from_json(p.changes, '[{{"field": "VARCHAR", "old": "JSON", "new": "JSON"}}]'),
            lambda change: CASE
                WHEN {shown} THEN change
                ELSE {{
                    field: change.field,
                    old: CASE WHEN change.old IS NOT NULL THEN {mask}::JSON END,
                    new: CASE WHEN change.new IS NOT NULL THEN {mask}::JSON END
                }}
            END
        ))::VARCHAR END"""


def _sent(connected: ConnectedFlow) -> str:
    """SQL of the body that was sent (alias s), with the values of open fields only."""
    if is_of_goods(connected.flow):
        return "s.body"
    document = connected.flow.document
    cases = []
    for part in connected.parts:
        structure: dict[str, Any] = dict.fromkeys(open_fields(connected, part), "JSON")
        kind = document.kind(connected.settings) if document else None
        if kind and part.name == kind.header:
            lines = [connected.flow.part(name) for name in kind.lines]
            structure[kind.navigation] = [dict.fromkeys(open_of_line(connected, lines), "JSON")]
        if structure:
            shaped = literal(orjson.dumps(structure).decode())
            cases.append(f"WHEN {literal(_ledger_part(connected, part))} THEN from_json(s.body, {shaped})::JSON")
    body = f"CASE m.part {' '.join(cases)} END" if cases else "NULL::JSON"
    return f"CASE WHEN json_type(s.body) = 'OBJECT' THEN json_merge_patch('{{}}', {body})::VARCHAR END"


def _ledger_part(connected: ConnectedFlow, part: Part) -> str:
    """The name under which the ledger keeps a part: a document's header is the flow's main part."""
    document = connected.flow.document
    is_header = document and part.name == document.kind(connected.settings).header
    return connected.flow.main if is_header else part.name


def _listed(names: list[str]) -> str:
    return f"[{', '.join(map(literal, names))}]::VARCHAR[]"


def last_place(known: dict[str, Any]) -> Place:
    """How far a flow is published, as its status file says; the beginning when it says nothing."""
    published = known.get("published")
    return Place(datetime.fromisoformat(published["until"]), published["moves"]) if published else Place()
