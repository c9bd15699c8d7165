"""The plan of master data: what would be written. Materialising it is the exact dry run."""

from collections.abc import Collection, Mapping
from datetime import datetime
from types import MappingProxyType

from ... import clock
from ...staging import ledger
from ...staging.load import create as create_staging
from ...staging.store import Row, renew_table, rows_of
from ...systems.business_central.client import dumps
from ..flow import Part
from ..map import MAPPED, mapped_table, mapped_with_ledger, skip_gone
from ..plan_table import store_plan, unchanged_rows
from ..session import recover
from ..work import Work
from .block import plan_blocks
from .decide import decide
from .decision import Decision
from .picture_plan import decide_pictures
from .target.matching import Target


def plan(work: Work, target: Target, as_if: Mapping[tuple[str, str], Row] = MappingProxyType({})) -> None:
    """Writes the plan table: what would happen to each mapped record of the work.

    Args:
        as_if: what the ledger would say of records, by part and key, if a person had decided so.
    """
    flow, store = work.flow, work.store
    recover(store, work.run_id)
    skip_gone(store, flow, work.run_id, [part.name for part in flow.parts])
    compiled = work.connected.compiled()
    candidates = _candidates(work, {key for _, key in as_if})
    if work.keys is not None:
        candidates = [row for row in candidates if work.wants(row["part"], row["_key"])]
    if as_if:
        candidates = [row | as_if.get((row["part"], row["_key"]), {}) for row in candidates]
    work.connected.check_mapped_now(row["mapping_version"] for row in candidates)
    rows: list[Row] = []
    now = clock.now()
    decisions: dict[str | None, dict[str, Decision]] = {None: {}}
    for part in work.connected.parts:
        own = [row for row in candidates if row["part"] == part.name]
        if part.picture:
            decided = decide_pictures(work, part, target, compiled[part.name], own, decisions[part.parent])
        else:
            parents = {row["key"]: row for row in rows if part.within and row["part"] == part.parent}
            made = [row for row in rows if row["action"] == "create" and _is_beside(work, part, row["part"])]
            decided = decide(work.connected, part, target, compiled[part.name], own, parents, made)
        decisions[part.name] = {row["_key"]: decision for row, decision in decided}
        rows += [planned_row(row, decision, now) for row, decision in decided]
    rows += [planned_row(row, decision, now) for row, decision in plan_blocks(work, target)]
    store_plan(work, [rows], unchanged_rows(mapped_with_ledger(flow)))


def _is_beside(work: Work, part: Part, other: str) -> bool:
    """Whether the records of another part are of the same kind in the target, and have one range of numbers with it."""
    return other != part.name and work.flow.part(other).entity_set == part.entity_set


def _candidates(work: Work, named: Collection[str]) -> list[Row]:
    """The mapped records of a work that may need something, with what the ledger knows of them.

    Args:
        named: keys of records that are planned even if they are as they were sent.
    """
    with work.store.open() as connection:
        ledger.create(connection)
        renew_table(connection, mapped_table(work.flow), MAPPED)
        create_staging(connection, work.connected.staging)
        named, chosen = sorted(named), None if work.keys is None else sorted({key for _, key in work.keys})
        of_keys = "m._key IN (SELECT unnest(?::VARCHAR[]))"
        planned = f"(NOT unchanged OR {of_keys}) AND (? OR {of_keys})"
        return rows_of(
            connection,
            f"{mapped_with_ledger(work.flow)} AND {planned} ORDER BY m._key",
            [*work.days, named, chosen is None, chosen],
        )


def planned_row(row: Row, decision: Decision, now: datetime) -> Row:
    """The row of the plan table for one record.

    Args:
        row: a mapped record with the hashes of what it would send (`references.with_payloads`).
    """
    return {
        "part": row["part"],
        "key": row["_key"],
        "window": row["_window"],
        "action": decision.action,
        "reason": decision.reason,
        "message": decision.message,
        "target_id": decision.target.get("id"),
        # Records such as item categories have a code and no number.
        "target_no": decision.target.get("number") or decision.target.get("code"),
        "etag": decision.target.get("@odata.etag"),
        "body": dumps(decision.body).decode() if decision.body else "{}",
        "changes": dumps(decision.changes).decode() if decision.changes else "[]",
        "hash": row["hash"],
        "field_hashes": row["new_hashes"],
        "version": row["_version"],
        "mapping_version": row["mapping_version"],
        "pair": decision.pair,
        "planned_at": now,
    }
