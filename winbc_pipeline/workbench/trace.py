"""What happened to one record, from the source to the target, step by step.

Here belongs: reading the layers and the ledger's events. Bodies, and the new values of a header's fields, hold
personal data. They are shown only when somebody asks for bodies.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..mapping.compiler import Compiled
from ..staging import ledger
from ..staging.load import create as create_staging
from ..staging.store import Row, create_table, quote, rows_of
from ..sync.connected import ConnectedFlow
from ..sync.flow import Flow
from ..sync.map import MAPPED, mapped_table
from ..sync.outcomes import broken_rule
from ..sync.plan_table import PLANNED, planned_table
from .plans import in_words, is_of_goods


@dataclass(frozen=True)
class Step:
    """One moment of a record.

    Attributes:
        moment: when it happened (UTC); None for a step whose moment is not kept.
        what: what happened, in a few words.
        detail: more about it.
        run: id of the run that did it.
    """

    moment: datetime | None
    what: str
    detail: str
    run: str = ""


def trace(connected: ConnectedFlow, key: str, bodies: bool = False) -> list[Step]:
    """The steps of a record of the flow's main part, oldest first. Empty when nothing is known of the record.

    Args:
        key: the source's key of the record.
        bodies: whether to show what was sent. It holds personal data.
    """
    flow, staging, document = connected.flow, connected.staging, connected.flow.document
    header = document.kind(connected.settings).header if document else flow.main
    with connected.store.open() as connection:
        ledger.create(connection)
        create_staging(connection, staging)
        create_table(connection, mapped_table(flow), MAPPED)
        create_table(connection, planned_table(flow), PLANNED)
        sql = f"SELECT * FROM {quote(staging.name)} WHERE {flow.part(header).key} = ?"
        staged = rows_of(connection, sql, [key])
        keys = [key, *(row["_key"] for row in staged)]  # a line of the order has a key of its own
        sql = f"SELECT * FROM {quote(mapped_table(flow))} WHERE list_contains(?, _key) ORDER BY part, _key"
        mapped = rows_of(connection, sql, [keys])
        planned, events, sent = (
            rows_of(connection, f"SELECT * FROM {table} WHERE part = ? AND key = ?", [flow.main, key])
            for table in (quote(planned_table(flow)), "ledger_event", "sent_payload")
        )
    steps = [*_read(flow, staged), *_mapped(connected, mapped)]
    dated = [_planned(row, bodies) for row in planned]
    dated += [_moved(row) for row in events]
    dated += [Step(row["sent_at"], "body", row["body"]) for row in sent if bodies]
    return steps + sorted(dated, key=lambda step: str(step.moment))


def _read(flow: Flow, staged: list[Row]) -> list[Step]:
    """When the record changed in the source, and which of its fields are not of their type."""
    if not staged:
        return []
    newest = max(staged, key=lambda row: str(row["_modified_at"]))
    wrong = sorted({name for row in staged for name in row["_bad_fields"] or []})
    words = f"{len(staged)} rows of {flow.source}, window {newest['_window']}"
    words += f"; not of their type: {', '.join(wrong)}" if wrong else ""
    return [Step(newest["_modified_at"], "changed in the source", words)]


def _mapped(connected: ConnectedFlow, mapped: list[Row]) -> list[Step]:
    """Which rows of which table made the fields, and which rules the record breaks."""
    compiled, present = connected.compiled(), connected.mapping_version()
    steps = []
    for part in dict.fromkeys(row["part"] for row in mapped):
        rows = [row for row in mapped if row["part"] == part]
        table = connected.flow.part(part).table
        version = rows[0]["mapping_version"]
        edited = "" if version == present else "; edited since, the rows are today's"
        wrong = [f"; {broken_rule(error, table)}" for row in rows for error in row["errors"]]
        words = f"{len(rows)} of {table}, version {version[:8]}{edited}: {_rows(compiled[part])}"
        steps.append(Step(None, f"mapped {part}", words + "".join(wrong)))
    return steps


def _rows(compiled: Compiled) -> str:
    return ", ".join(f"{each.line.target_field} row {each.line.row}" for each in compiled.targets)


def _planned(row: Row, bodies: bool) -> Step:
    """What was decided, and what an edit would change.

    Unless bodies are wanted, a change that may hold personal data is shown without its values.
    """
    looked_up = "; ".join(json.loads(row["lookups"] or "[]"))
    reason = f" {row['reason']}" if row["reason"] else ""
    words = f"{row['action']}{reason}. Looked up: {looked_up or 'nothing'}"
    edits = in_words(row["changes"], lambda change: bodies or is_of_goods(change))
    if edits:
        words += f". Would change: {'; '.join(edits)}"
    return Step(row["planned_at"], "planned", words)


def _moved(row: Row) -> Step:
    words: list[Any] = [row["reason"], row["message"]]
    if row["target_no"]:
        words.append(f"number {row['target_no']}")
    if row["state"] == "SENDING":
        words.append(f"attempt {row['attempt_id']}")
    if row["mapping_version"]:
        words.append(f"tables {row['mapping_version'][:8]}")
    what = f"{row['from_state'] or 'new'} -> {row['state']}"
    return Step(row["moved_at"], what, "; ".join(str(word) for word in words if word), row["run_id"] or "")
