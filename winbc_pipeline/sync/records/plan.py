"""The plan of master data: what would be written. Materialising it is the exact dry run."""

import json
from collections.abc import Mapping
from types import MappingProxyType

from ... import clock
from ...staging import ledger
from ...staging.load import create as create_staging
from ...staging.pairs import Pairs
from ...staging.store import Row, Store, literal, quote, renew_table, rows_of
from ...systems.business_central.client import dumps
from ..connected import ConnectedFlow
from ..map import MAPPED, mapped_table, mapped_with_ledger, skip_gone
from ..payloads import field_hashes
from ..plan_table import store_plan, unchanged_rows
from ..session import recover
from ..work import Work
from .block import plan_blocks
from .decide import Decision, decide
from .matching import Target


def plan(work: Work, target: Target, as_if: Mapping[tuple[str, str], Row] = MappingProxyType({})) -> None:
    """Writes the plan table: what would happen to each mapped record of the work.

    Args:
        as_if: what the ledger would say of records, by part and key, if a person had decided so.
    """
    flow, store = work.flow, work.store
    recover(store, work.run_id)
    skip_gone(store, flow, work.run_id, [part.name for part in flow.parts])
    compiled = work.connected.compiled()
    wanted = [row for row in _candidates(work) if work.wants(row["part"], row["_key"])]
    candidates = [row | as_if.get((row["part"], row["_key"]), {}) for row in wanted]
    work.connected.check_mapped_now(row["mapping_version"] for row in candidates)
    linked = links(store)
    rows: list[Row] = []
    for part in work.connected.parts:
        own = [row for row in candidates if row["part"] == part.name]
        parents = {row["key"]: row for row in rows if part.within and row["part"] == part.parent}
        decided = decide(work.connected, part, target, compiled[part.name], own, linked, parents)
        rows += [planned_row(row, decision) for row, decision in decided]
    rows += [planned_row(row, decision) for row, decision in plan_blocks(work, target)]
    store_plan(work, [rows], unchanged_rows(mapped_with_ledger(flow)))


def _candidates(work: Work) -> list[Row]:
    """The mapped records of a work that may need something, with what the source has now and what the ledger knows."""
    with work.store.open() as connection:
        ledger.create(connection)
        renew_table(connection, mapped_table(work.flow), MAPPED)
        create_staging(connection, work.connected.staging)
        return rows_of(
            connection,
            f"""
            SELECT m.*, {source_columns(work.connected)}
            FROM ({mapped_with_ledger(work.flow)} AND NOT unchanged) AS m
            -- A part with a key of its own is made of several records. (One equal sign, or the join is a nested loop.)
            LEFT JOIN {quote(work.connected.staging.name)} AS s
                ON s._key = CASE WHEN NOT list_contains(?, m.part) THEN m._key END
            ORDER BY m._key
            """,
            [*work.days, [part.name for part in work.flow.parts if part.key != "_key"]],
        )


def source_columns(connected: ConnectedFlow) -> str:
    """SQL of the columns that tell of a mapped record what the source has (alias s).

    They are `own`, `own_no`, `modified_us` (microseconds), `now`, `group` (see Part), and `source`: the fields with
    the keys of KeyChain, as JSON.
    """
    flow = connected.flow
    own, number = (f"s.{quote(name)}" if name else "m._key" for name in (flow.own_id, flow.own_no))
    # Moments are written in several ways, so they are not compared.
    kinds = {name: kind for name, kind in connected.staging.fields.items() if kind != "datetime"}
    now = Pairs(connected.settings, flow.pairs).sql(kinds, "s") if flow.pairs else "NULL"
    read = {name for part in flow.parts if part.keys for name in part.keys.fields[flow.source]} & kinds.keys()
    keys = ", ".join(f"{quote(name)}: s.{quote(name)}" for name in sorted(read))
    source = f"to_json({{{keys}}})::VARCHAR" if keys else "NULL"
    groups = " ".join(f"WHEN {literal(part.name)} THEN s.{quote(part.group)}" for part in flow.parts if part.group)
    group = f"CASE m.part {groups} END" if groups else "NULL"
    return f"""
        {group} AS "group", {own} AS own, {number} AS own_no,
        epoch_us(s._modified_at) AS modified_us, {source} AS source,
        CASE WHEN s._key IS NOT NULL THEN {now} END AS now"""


def links(store: Store) -> dict[tuple[str, str], str]:
    """The source's key of every record that was ever linked, by its part and the id of the target's record."""
    linked = ledger.read(store, "target_id IS NOT NULL")
    return {(row["part"], row["target_id"]): row["key"] for row in linked}


def planned_row(row: Row, decision: Decision) -> Row:
    """The row of the plan table for one record.

    Args:
        row: a mapped record whose payload `updates` is made of fields (`references.with_payloads`).
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
        "body": dumps(decision.body).decode(),
        "changes": dumps(decision.changes).decode(),
        "hash": row["hash"],
        "field_hashes": json.dumps(field_hashes(row["updates"])),
        "version": row["_version"],
        "mapping_version": row["mapping_version"],
        "pair": decision.pair,
        "planned_at": clock.now(),
    }
