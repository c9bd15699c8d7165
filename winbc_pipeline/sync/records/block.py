"""Plans the blocking of records that are gone, if the settings ask for it, and their unblocking when they are back.

Blocked records have ledger rows of their own (part BLOCK), so the row of the record itself stays as it is. In such a
row, `version` says what was wanted last: `blocked` or `open`. A CONFIRMED row with `blocked` was blocked by us; a
SKIPPED one was blocked already, by a person, and is never unblocked. Nothing is deleted.
"""

from collections.abc import Iterator
from typing import Any

from ...staging.ledger import OPEN, State
from ...staging.store import Row, literal, quote, rows_of
from ..flow import BLOCK, Gone
from ..payloads import hashes_as_text
from ..sending import chunks_of
from ..work import Work
from .decision import Decided, Decision
from .special.gone import create, gone_sql
from .target.matching import Target

BLOCKED, IS_OPEN = "blocked", "open"
BACK = "BACK"


def plan_blocks(work: Work, target: Target, at_once: int) -> Iterator[Decided]:
    """What must be blocked or unblocked in the target, as `decide` gives its rows and decisions, some at a time.

    What became gone in an earlier window, or before the settings asked for blocking, is done by the first run that may.
    """
    gone = work.flow.gone
    if not gone or work.connected.database:  # a copy tries mapping tables out, and no block depends on them
        return
    for rows in chunks_of(_candidates(work, gone), at_once):
        yield _decided(work, target, gone, rows)


def _decided(work: Work, target: Target, gone: Gone, rows: list[Row]) -> Decided:
    ids = {row["target_id"] for row in rows if row["target_id"]}
    there = target.find(work.flow.part(work.flow.main).entity_set, "id", ids, False) if ids else {}
    made_by = work.connected.mapping_version()
    decided = []
    for row in rows:
        live = there.get(row["target_id"], [{}])[0]
        wanted = BLOCKED if _is_wanted(row) else IS_OPEN
        hashes = hashes_as_text(work.connected.hash_key, {gone.blocked: wanted == BLOCKED})
        planned = {"new_hashes": hashes, "hash": wanted, "_version": wanted}
        planned |= {"part": BLOCK, "_key": row["key"], "_window": row["due"], "mapping_version": made_by}
        decided.append((planned, _decide(row, live, gone.blocked)))
    return decided


def _candidates(work: Work, gone: Gone) -> list[Row]:
    """The records that may need something: `key`, `reason` (NULL for one that is back), `choice`, `target_id`,
    `due` (the window in which it is done), and the state and version of the ledger row of the blocking."""
    open_states = ", ".join(literal(state) for state in OPEN)
    with work.store.open() as connection:
        create(connection, work.connected)
        rows = rows_of(
            connection,
            f"""
            SELECT
                coalesce(g.key, b.key) AS key, g.reason, g.choice, b.state, b.version,
                coalesce(g.target_id, b.target_id, i.target_id) AS target_id,
                greatest(coalesce(g.since, s._window, b."window"), ?) AS due
            FROM ({gone_sql(work.connected, gone)}) AS g
            FULL JOIN (FROM ledger WHERE part = '{BLOCK}') AS b ON b.key = g.key
            LEFT JOIN ledger AS i ON i.part = {literal(work.flow.main)} AND i.key = b.key
            LEFT JOIN {quote(work.connected.staging.name)} AS s ON s._key = b.key
            WHERE due <= ?
            AND CASE
                WHEN g.key IS NULL THEN b.version = '{BLOCKED}' OR b.state IN ({open_states})
                WHEN b.state IN ({open_states}) THEN true
                ELSE g.choice = 'block' AND b.version IS DISTINCT FROM '{BLOCKED}'
            END
            ORDER BY key
            """,
            work.days,
        )
    return [row for row in rows if work.wants(BLOCK, row["key"])]


def _decide(row: Row, live: dict[str, Any], field: str) -> Decision:
    """Decides one record.

    Args:
        live: the target's record; empty when it is not there.
        field: the target's field that blocks a record.
    """
    if not live:
        return Decision("skip", "MISSING_THERE", target={"id": row["target_id"]})
    is_wanted = _is_wanted(row)
    if not is_wanted and (row["reason"] or not _is_ours(row)):
        return Decision("skip", row["reason"] or BACK, target=live)
    if bool(live.get(field)) != is_wanted:
        body = {field: is_wanted}
        changes = [{"field": field, "old": live.get(field), "new": is_wanted}]
        return Decision("update", row["reason"] or BACK, target=live, body=body, changes=changes)
    if is_wanted and not _is_ours(row):
        return Decision("skip", "BLOCKED", target=live)
    return Decision("skip", "UNCHANGED", target=live)


def _is_wanted(row: Row) -> bool:
    """Whether the record must be blocked. A call without an answer may have done it, so that one is finished."""
    return row["reason"] is not None and (row["choice"] == "block" or row["state"] == State.UNKNOWN)


def _is_ours(row: Row) -> bool:
    """Whether a block that is there is ours: confirmed, or sent without an answer, or about to be lifted by us."""
    if row["version"] == IS_OPEN:
        return row["state"] in OPEN
    return row["state"] in (State.CONFIRMED, State.UNKNOWN)
