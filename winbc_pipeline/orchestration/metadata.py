"""What people see of a window in the Dagster UI: counts, the first records, run time, and failures.

Dagster keeps and shows all of it. It therefore holds keys, outcomes and reason codes, and never personal data.
Concept page: Asset metadata.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import duckdb
from dagster import Failure, MetadataValue, TableColumn, TableRecord, TableSchema

from ..errors import WinbcError
from ..staging.store import Row
from ..sync.outcomes import APPROVAL, REASONS
from .layers import SHOWN, LayerWindow

COLUMNS = ("record", "part", "outcome", "reason", "message")
RECORDS = TableSchema([TableColumn(name, "string") for name in COLUMNS])
OUTCOMES = TableSchema([TableColumn(name, "string") for name in ("outcome", "reason", "orders", "amount")])
NAMED = 20  # records in the text of a failure
EXPLAINED = 5  # records whose message stands in the failure's text; the table has those of the others


def window_metadata(window: str, view: LayerWindow, seconds: float) -> dict[str, Any]:
    """The metadata of one window. Dagster's UI shows it in this order.

    A window without records has no table of them. Years of windows have many such, and its number of rows says it.

    Args:
        window: the partition key.
        view: what the layer holds of the window.
        seconds: the run time of the step, for all its windows together.
    """
    return {
        "window": window,
        **{f"records_{outcome}": count for outcome, count in view.counts.items()},
        **_documents(view.documents),
        **({"records": _table(view.records)} if view.records else {}),
        "run_seconds": round(seconds, 2),
        "dagster/partition_row_count": sum(view.counts.values()),
    }


def _documents(rows: list[Row]) -> dict[str, Any]:
    """How many orders came in, their amounts, and their outcomes by reason."""
    if not rows:
        return {}
    return {
        "orders_in": sum(row["records"] for row in rows),
        **_amounts(rows),
        "outcomes": _outcomes(rows),
    }


def _amounts(rows: list[Row]) -> dict[str, str]:
    """The amount of the orders in each currency: of all that came in, of the confirmed ones, of the open ones."""
    amounts: dict[str, Decimal] = {}
    for row in rows:
        currency, amount = row["currency"] or "unknown", row["amount"] or Decimal(0)
        for name in ("in", "confirmed", "open"):
            counts = name in ("in", _group(row))
            key = f"amount_{currency}_{name}"
            amounts[key] = amounts.get(key, Decimal(0)) + (amount if counts else 0)
        if row["difference"] and _group(row) == "confirmed":
            key = f"cents_off_{currency}"
            amounts[key] = amounts.get(key, Decimal(0)) + row["difference"]
    return {name: f"{amount:.2f}" for name, amount in amounts.items()}


def _outcomes(rows: list[Row]) -> MetadataValue[Any]:
    records = []
    for row in rows:
        amount = f"{row['amount'] or 0:.2f} {row['currency'] or ''}".strip()
        texts = {"outcome": row["outcome"], "reason": row["reason"] or "", "orders": str(row["records"])}
        records.append(TableRecord({**texts, "amount": amount}))
    return MetadataValue.table(records, OUTCOMES)


def _group(row: Row) -> str:
    """How a document counts: as confirmed, as left out, or as open (a person or the next run has to deal with it)."""
    if row["outcome"] in ("CONFIRMED", "adopt") or row["reason"] == "UNCHANGED":
        return "confirmed"
    return "left out" if row["outcome"] in ("SKIPPED", "skip") else "open"


def failure(failed: list[Row], messages: Mapping[tuple[str, str], str], held: WinbcError | None = None) -> Failure:
    """The failure of a step whose records are not all done. It names the records, the reasons, and what to do.

    Dagster does not retry the step: only a person, or the next run, can settle these records.

    Args:
        failed: their ledger rows.
        messages: what may be told of the first of them, by part and key: no personal data.
        held: why nothing was sent. It stands for the records that wait for an approval.
    """
    told = [(row, messages.get((row["part"], row["key"]), "")) for row in failed]
    shown = [row | {"outcome": row["state"], "message": message} for row, message in told[:SHOWN]]
    others = [(row, message) for row, message in told if not (held and row["reason"] == APPROVAL)]
    text = " ".join([*([str(held)] if held else []), *([_not_done(others)] if others else [])])
    return Failure(text, metadata={"failed": len(failed), "records": _table(shown)}, allow_retries=False)


def refused(error: duckdb.Error) -> str:
    """What is told of an error of DuckDB: its kind. Its message may quote a value, and Dagster would keep it."""
    return f"E-WINBC: the flow's database refused a statement ({type(error).__name__}). See docs/errors.md."


def _not_done(told: list[tuple[Row, str]]) -> str:
    """Names records that are not done, with their messages and what to do about them."""
    failed = [row for row, _ in told]
    names = ", ".join(f"{row['part']} {row['key']} ({_reason(row)})" for row in failed[:NAMED])
    more = f" and {len(failed) - NAMED} more" if len(failed) > NAMED else ""
    reasons = dict.fromkeys(_reason(row) for row in failed)
    advice = " ".join(f"{reason}: {REASONS[reason]}" for reason in reasons if reason in REASONS)
    words = [f"{row['key']}: {message}." for row, message in told if message]
    why = " ".join(words[:EXPLAINED])
    todo = "Fix the cause. Then rerun this partition, or use `winbc retry`. `winbc trace` shows every step of a record."
    return f"{len(failed)} records are not done: {names}{more}. {why} {advice} {todo}"


def _reason(row: Row) -> str:
    """The reason code of a ledger row, or its state where it has none."""
    return str(row["reason"] or row["state"])


def _table(rows: list[Row]) -> MetadataValue[Any]:
    table = []
    for row in rows:
        cells = (row["key"], row["part"], row["outcome"], row["reason"] or "", row["message"])
        table.append(TableRecord(dict(zip(COLUMNS, cells, strict=True))))
    return MetadataValue.table(table, RECORDS)
