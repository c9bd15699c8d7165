"""What people see of a window in the Dagster UI: counts, the first records, run time, columns, and failures.

Dagster keeps and shows all of it, so it holds keys, outcomes and reason codes, never personal data.
Concept page: Asset metadata.
"""

from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from dagster import (
    AssetKey,
    Failure,
    MetadataValue,
    TableColumn,
    TableColumnDep,
    TableColumnLineage,
    TableRecord,
    TableSchema,
)

from ..mapping.compiler import Compiled
from ..staging.store import Row
from ..sync.outcomes import REASONS
from .layers import SHOWN, LayerWindow

COLUMNS = ("record", "part", "outcome", "reason")


def column_schema(columns: Mapping[str, str]) -> TableSchema:
    """A table's columns with their DuckDB types."""
    return TableSchema([TableColumn(name, kind) for name, kind in columns.items()])


def column_lineage(staging: AssetKey, compiled: Mapping[str, Compiled], columns: Mapping[str, str]) -> dict[str, Any]:
    """Each field of the target as a column `part.field` of the mapped layer, and the staged columns it is made of: as
    lineage, and in words for a UI that draws none."""
    deps = {
        f"{part}.{field}": [TableColumnDep(staging, name) for name in sorted(reads)]
        for part, each in compiled.items()
        for field, reads in each.lineage().items()
    }
    schema = [TableColumn(name, kind) for name, kind in columns.items()]
    for name, made_of in deps.items():
        words = ", ".join(dep.column_name for dep in made_of) or "a constant"
        schema.append(TableColumn(name, "payload", description=f"from {words}"))
    return {"dagster/column_schema": TableSchema(schema), "dagster/column_lineage": TableColumnLineage(deps)}


def window_metadata(window: str, view: LayerWindow, seconds: float) -> dict[str, Any]:
    """Of one window; `seconds` is the step's run time, of all its windows together."""
    return {
        "dagster/partition_row_count": sum(view.counts.values()),
        **{f"records_{outcome}": count for outcome, count in view.counts.items()},
        **_documents(view.documents),
        "records": _table(view.records),
        "window": window,
        "run_seconds": round(seconds, 2),
    }


def _documents(rows: list[Row]) -> dict[str, Any]:
    """Orders in, what they come to in each currency (in all, confirmed, open), and their outcomes by reason."""
    if not rows:
        return {}
    amounts: dict[str, Decimal] = {}
    for row in rows:
        currency = row["currency"] or "unknown"
        for name in ("in", "confirmed", "open"):
            counts = name == "in" or name == _group(row)
            key = f"amount_{currency}_{name}"
            amounts[key] = amounts.get(key, Decimal(0)) + ((counts and row["amount"]) or 0)
    records = [
        TableRecord(
            {
                "outcome": row["outcome"],
                "reason": row["reason"] or "",
                "orders": str(row["records"]),
                "amount": f"{row['amount'] or 0:.2f} {row['currency'] or ''}".strip(),
            }
        )
        for row in rows
    ]
    schema = TableSchema([TableColumn(name, "string") for name in ("outcome", "reason", "orders", "amount")])
    texts = {name: f"{amount:.2f}" for name, amount in amounts.items()}
    return {"orders_in": sum(row["records"] for row in rows), **texts, "outcomes": MetadataValue.table(records, schema)}


def _group(row: Row) -> str:
    """Whether a document counts as confirmed, as left out, or as open: a person's or the next run's."""
    if row["outcome"] in ("CONFIRMED", "adopt") or row["reason"] == "UNCHANGED":
        return "confirmed"
    return "left out" if row["outcome"] in ("SKIPPED", "skip") else "open"


def failure(failed: list[Row]) -> Failure:
    """Names the records that are not done, why, and what to do."""
    reasons = Counter(row["reason"] for row in failed)
    names = ", ".join(f"{row['part']} {row['key']} ({row['reason']})" for row in failed[:20])
    more = f" and {len(failed) - 20} more" if len(failed) > 20 else ""
    advice = " ".join(f"{reason}: {REASONS.get(reason, '')}" for reason in reasons)
    todo = "Mend the cause and rerun this partition, or `winbc retry`; `winbc trace` tells the whole way of a record."
    text = f"{len(failed)} records are not done: {names}{more}. {advice} {todo}"
    shown = [row | {"outcome": row["state"]} for row in failed[:SHOWN]]
    return Failure(text, metadata={"failed": len(failed), "records": _table(shown)}, allow_retries=False)


def _table(rows: list[Row]) -> MetadataValue[Any]:
    table = [
        TableRecord(
            {"record": row["key"], "part": row["part"], "outcome": row["outcome"], "reason": row["reason"] or ""}
        )
        for row in rows
    ]
    return MetadataValue.table(table, TableSchema([TableColumn(name, "string") for name in COLUMNS]))
