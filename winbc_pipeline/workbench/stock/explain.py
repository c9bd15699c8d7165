"""Why a SKU has its figure: its parts, the rule, both sides, what was sent last, and why nothing is sent.

Here belongs: reading one SKU's record, its history and the ledger. The live figure of the target comes from the target.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from ...flows.products import PRODUCTS, PRODUCTS_TO_WINSTORE
from ...staging import ledger
from ...staging.gather import create_history, history_table
from ...staging.load import create as create_staging
from ...staging.store import Row, quote, renew_table, rows_of
from ...sync.connected import ConnectedFlow
from ...sync.dispatch import sending_of
from ...sync.map import MAPPED, mapped_table
from ...sync.outcomes import REASONS, broken_rule
from ..unknown import is_known, unknown

PARTS = ("on_hand", "reserved", "on_orders", "incoming", "safety", "cap", "rounding", "clamp")
ROWS = ("warehouses", "unlisted", "unread", "others", "sales_lines", "purchase_lines")
SENT, TAKEN = ("SENDING",), ("CONFIRMED",)


@dataclass(frozen=True)
class Explained:
    """One SKU in one direction.

    Attributes:
        flow: id of the flow.
        key: the record's key.
        read_at: when its parts were read; None when they never were.
        parts: the parts of the figure, by name.
        rows: what the parts were summed of, by name.
        rule: the row of `stock_rules.csv`; empty without one.
        formula: the row of the mapping table.
        figure: what the formula comes to; None when it comes to nothing.
        live: what the target shows now; None when it has nothing, or when another time was asked for.
        sent: when a figure was last sent, and which; taken: when the target last acknowledged one.
        why: in words, why nothing is sent, or that both sides agree.
    """

    flow: str
    key: str
    read_at: datetime | None
    parts: Mapping[str, Any]
    rows: Mapping[str, Any]
    rule: str
    formula: str
    figure: Decimal | None
    live: Decimal | None
    sent: str
    taken: str
    why: str


def explain(connected: ConnectedFlow, sku: str, at: datetime | None = None) -> Explained | None:
    """What is known of a SKU; None when the flow has never read it.

    Args:
        at: a moment in the past (UTC): what was known then. None for now, with the live figure of the target.
    """
    flow, field = connected.flow, connected.flow.emptied
    with connected.store.open() as connection:
        ledger.create(connection)
        create_staging(connection, connected.staging)
        create_history(connection, connected.staging)
        renew_table(connection, mapped_table(flow), MAPPED)
        record = _record(connection, connected, sku, at)
        if record is None:
            return None
        key = record["_key"]
        mapped = _one(connection, f"SELECT * FROM {quote(mapped_table(flow))} WHERE _key = ?", [key])
        events = rows_of(
            connection,
            "SELECT e.*, s.body FROM ledger_event AS e LEFT JOIN sent_payload AS s USING (part, key, attempt_id) "
            "WHERE e.part = ? AND e.key = ? AND e.moved_at <= coalesce(?, 'infinity'::TIMESTAMPTZ) ORDER BY e.moved_at",
            [flow.main, key, at],
        )
        row = _one(connection, "SELECT * FROM ledger WHERE part = ? AND key = ?", [flow.main, key])
    updates = json.loads(mapped["updates"], parse_float=Decimal) if mapped else {}
    line = next(each for each in connected.compiled()[flow.main].targets if each.line.target_field == field)
    told = events[-1] if at and events else row
    return Explained(
        flow=flow.id,
        key=key,
        read_at=record.get("_read_at") or record.get("_modified_at"),
        parts={name: record[name] for name in PARTS if name in record},
        rows={name: record[name] for name in ROWS if record.get(name)},
        rule=str(record.get("rule") or ""),
        formula=f"{field} = {line.line.source} (row {line.line.row} of {flow.part(flow.main).table})",
        figure=None if at or updates.get(field) is None else Decimal(updates[field]),
        live=None if at else _live(connected, key, row, mapped),
        sent=_last(events, SENT, field),
        taken=_last(events, TAKEN, field),
        why=_why(connected, mapped, told),
    )


def without_stock(flows: Sequence[ConnectedFlow], sku: str, at: datetime | None = None) -> str:
    """In words, that a SKU is there and that no flow of stock has a figure of it.

    Args:
        flows: the flows of stock that are on.
        at: as of `explain`.
    Raises: UnknownRecord when neither products nor stock know the SKU.
    """
    settings, names = flows[0].settings, " and ".join(each.flow.id for each in flows)
    products = [ConnectedFlow(each, settings) for each in (PRODUCTS, PRODUCTS_TO_WINSTORE) if each.is_on(settings)]
    known = next((each.flow.id for each in (*products, *flows) if is_known(each, sku, any_case=True)), None)
    if known is None:
        raise unknown([*products, *flows], sku, "SKU")
    when = f" until {at:%Y-%m-%d %H:%M:%S} UTC" if at else ""
    reads = " or ".join(f"`winbc plan {each.flow.id}`" for each in flows)
    words = f"{known} knows the SKU {sku}. It has no stock: {names} read no figure of it{when}, so nothing is sent."
    return f"{words} {reads} asks for it now."


def _record(connection: Any, connected: ConnectedFlow, sku: str, at: datetime | None) -> Row | None:
    """The record of a SKU as it is, or as it was read at a moment."""
    name = connected.staging.name
    if at is None:
        return _one(connection, f"SELECT * FROM {quote(name)} WHERE lower(_key) = lower(?)", [sku])
    history = quote(history_table(name))
    newest = f"SELECT * FROM {history} WHERE lower(_key) = lower(?) AND _read_at <= ? ORDER BY _read_at DESC LIMIT 1"
    return _one(connection, newest, [sku, at])


def _one(connection: Any, sql: str, values: list[Any]) -> Row | None:
    return next(iter(rows_of(connection, sql, values)), None)


def _live(connected: ConnectedFlow, key: str, row: Row | None, mapped: Row | None) -> Decimal | None:
    """The target's figure, found by its id or else by the number that the table gives."""
    flow = connected.flow
    part = flow.part(flow.main)
    own, ignore_case = part.match[0]
    number = str(json.loads(mapped["creates"]).get(own) or key) if mapped else key
    field, value = ("id", row["target_id"]) if row and row["target_id"] else (own, number)
    wanted = value.lower() if ignore_case and field == own else value
    target = sending_of(flow).open(connected.settings)
    try:
        found = target.find(part.entity_set, field, {wanted}, ignore_case and field == own)
    finally:
        target.close()
    figure = next((each.get(flow.emptied) for each in found.get(wanted, [])), None)
    return None if figure is None else Decimal(figure)


def _last(events: list[Row], states: tuple[str, ...], field: str) -> str:
    """When a record last came into one of the states, and the figure if it is still kept; empty for never."""
    for event in reversed(events):
        if event["state"] in states:
            body = json.loads(event["body"] or "{}", parse_float=Decimal)
            figure = f": {body[field]}" if field in body else ""
            return f"{event['moved_at']:%Y-%m-%d %H:%M:%S}{figure} ({event['run_id']})"
    return ""


def _why(connected: ConnectedFlow, mapped: Row | None, row: Row | None) -> str:
    """Why nothing is sent, in words."""
    if mapped and mapped["errors"]:
        return f"MAPPING: {broken_rule(mapped['errors'][0], connected.flow.part(connected.flow.main).table)}"
    reason = (mapped and mapped["skip_reason"]) or (row and row["reason"])
    if reason:
        message = f" {row['message']}" if row and row.get("message") else ""
        return f"{reason}: {REASONS.get(reason, '')}{message}"
    return str(row["state"]) if row else "no run has planned it yet"
