"""What happened to one record, from the source to the target, step by step.

Here belongs: reading the layers and the ledger's events. Values of people are shown only when somebody asks for bodies;
values of goods always are.
"""

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import duckdb

from ..health.publishing.masking import holds_goods
from ..mapping.compiler import Compiled
from ..staging import ledger
from ..staging.load import OWN
from ..staging.load import create as create_staging
from ..staging.store import Row, quote, renew_table, rows_of
from ..sync.connected import ConnectedFlow
from ..sync.flow import BLOCK
from ..sync.map import MAPPED, mapped_table
from ..sync.outcomes import broken_rule
from ..sync.plan_table import PLANNED, planned_table
from ..sync.reading.stage import fields_wanted
from .plans import in_words, shows, with_changes
from .shown import Shown, told

Keys = set[tuple[str, str]]  # part and key of each record that belongs to the traced one


@dataclass(frozen=True)
class Step:
    """One moment of a record.

    Attributes:
        moment: when it happened (UTC); None for a step whose moment is not kept.
        what: what happened, in a few words.
        detail: more about it.
        run: id of the run that did it.
        fields: the values of that moment, a field each, as `name: value`.
    """

    moment: datetime | None
    what: str
    detail: str
    run: str = ""
    fields: tuple[str, ...] = ()


def trace(connected: ConnectedFlow, key: str, bodies: bool = False, wait_s: float | None = None) -> list[Step]:
    """The steps of a record of the flow's main part and of the records that belong to it, such as an order's customer.

    They are in the order read, mapped, planned and sent. There are none when nothing is known of the record.

    Args:
        key: the source's key of the record.
        bodies: whether to show the values that were read and sent. Those of people are personal data.
        wait_s: seconds to wait for the database; None: as the store says.
    """
    with connected.store.open(wait_s) as connection:
        ledger.create(connection)
        create_staging(connection, connected.staging)
        renew_table(connection, mapped_table(connected.flow), MAPPED)
        renew_table(connection, planned_table(connected.flow), PLANNED)
        staged, keys = _staged(connection, connected, key)
        mapped = _of(connection, quote(mapped_table(connected.flow)), keys, "_key")
        planned, events, sent = (
            _of(connection, table, keys)
            for table in (quote(planned_table(connected.flow)), "ledger_event", "sent_payload")
        )
    open_values = bodies or holds_goods(connected.flow)
    dated = [_planned(connected, row, open_values) for row in planned]
    dated += [_moved(connected, row) for row in events]
    dated += [_called(connected, row, open_values) for row in sent]
    dated.sort(key=lambda step: str(step.moment))
    return [*_read(connected, staged, open_values), *_mapped(connected, mapped, open_values), *dated]


def _staged(connection: duckdb.DuckDBPyConnection, connected: ConnectedFlow, key: str) -> tuple[list[Row], Keys]:
    """The staged rows of a record, and part and key of each record that is made of them."""
    flow, name = connected.flow, quote(connected.staging.name)
    document = flow.document
    header = flow.part(document.kind(connected.settings).header if document else flow.main)
    named = [header] if document else [header, *connected.parts]  # the parts that people name a record by
    names = ", ".join(dict.fromkeys(part.key for part in named))
    own = f"list_contains([{names}], ?)"
    staged = rows_of(connection, f"SELECT * FROM {name} WHERE {own} ORDER BY _key", [key])
    keys = {(part.name, key) for part in named} | {(flow.main, key)} | ({(BLOCK, key)} if flow.gone else set())
    for part in connected.parts:
        found = connection.execute(f"SELECT DISTINCT {part.key} FROM {name} WHERE {own}", [key]).fetchall()
        keys |= {(part.name, each) for (each,) in found if each}
    return staged, keys


def _of(connection: duckdb.DuckDBPyConnection, table: str, keys: Keys, column: str = "key") -> list[Row]:
    """The rows of a table of some records, in the order of their parts and keys."""
    pairs = [f"{part}/{key}" for part, key in keys]
    sql = f"SELECT * FROM {table} WHERE list_contains(?, part || '/' || {column}) ORDER BY part, {column}"
    return rows_of(connection, sql, [pairs])


def _read(connected: ConnectedFlow, staged: list[Row], open_values: bool) -> Iterator[Step]:
    """What was read of the source: the record, and what is its own in each line of it."""
    if not staged:
        return
    newest = max(staged, key=lambda row: str(row["_modified_at"]))
    wrong = sorted({name for row in staged for name in row["_bad_fields"] or []})
    words = f"{len(staged)} rows of {connected.flow.source}, window {newest['_window']}"
    words += f"; not of their type: {', '.join(wrong)}" if wrong else ""
    names = [name for name in connected.staging.fields if name not in OWN]
    alike = [name for name in names if len({str(row[name]) for row in staged}) == 1]
    shown = _source_fields(connected, staged[0], alike, open_values)
    yield Step(newest["_modified_at"], "changed in the source", words, fields=shown)
    for row in staged if len(staged) > 1 else []:
        own = [name for name in names if name not in alike]
        yield Step(None, f"read {row['_key']}", "", fields=_source_fields(connected, row, own, open_values))


def _source_fields(connected: ConnectedFlow, row: Row, names: Collection[str], open_values: bool) -> tuple[str, ...]:
    """Fields of a staged row. Empty ones are shown when a formula reads them."""
    wanted, shown = fields_wanted(connected), Shown(connected, open_values)
    return tuple(
        f"{name}: {shown.source(name, row[name])}" for name in names if row[name] is not None or name in wanted
    )


def _mapped(connected: ConnectedFlow, mapped: list[Row], open_values: bool) -> Iterator[Step]:
    """Which rows of which table made the fields, which rules the record breaks, and the values of a new record."""
    compiled, present = connected.compiled(), connected.mapping_version()
    for part in connected.parts:
        rows = [row for row in mapped if row["part"] == part.name]
        if not rows:
            continue
        version = rows[0]["mapping_version"]
        edited = "" if version == present else "; edited since, the rows are today's"
        own, errors = compiled[part.name], [error for row in rows for error in row["errors"]]
        wrong = [f"; {broken_rule(error, own.table_of(error['field'], part.table))}" for error in errors]
        words = f"{len(rows)} of {part.table}, version {version[:8]}{edited}: {_rows(own, part.table)}"
        values = [line for row in rows for line in laid_out(_json(row["creates"]))] if open_values else []
        yield Step(None, f"mapped {part.name}", words + "".join(wrong), fields=tuple(values))


def _rows(compiled: Compiled, table: str) -> str:
    lines = [each.line for each in compiled.targets]
    return ", ".join(f"{each.target_field} {each.place.removeprefix(f'{table} ')}" for each in lines)


def _planned(connected: ConnectedFlow, row: Row, open_values: bool) -> Step:
    """What was decided, and what an edit would change.

    Unless values are open, a change that may hold personal data is shown without its values.
    """
    looked_up = "; ".join(json.loads(row["lookups"] or "[]"))
    reason = f" {row['reason']}" if row["reason"] else ""
    words = f"{row['action']}{reason}. Looked up: {looked_up or 'nothing'}"
    edits = in_words(with_changes(row)["changes"], shows(connected, open_values))
    if edits:
        words += f". Would change: {'; '.join(edits)}"
    return Step(row["planned_at"], _named("planned", connected, row), words)


def _moved(connected: ConnectedFlow, row: Row) -> Step:
    words: list[Any] = [row["reason"], row["message"]]
    if row["target_no"]:
        words.append(f"number {row['target_no']}")
    if row["state"] == "SENDING":
        words.append(f"attempt {row['attempt_id']}")
    if row["mapping_version"]:
        words.append(f"tables {row['mapping_version'][:8]}")
    what = _named(f"{row['from_state'] or 'new'} -> {row['state']}", connected, row)
    return Step(row["moved_at"], what, "; ".join(str(word) for word in words if word), row["run_id"] or "")


def _called(connected: ConnectedFlow, row: Row, open_values: bool) -> Step:
    """What was sent, as far as it is still kept."""
    words = f"attempt {row['attempt_id']}" + ("" if open_values else "; `--body` shows what was sent")
    values = laid_out(_json(row["body"])) if open_values else []
    return Step(row["sent_at"], _named("sent", connected, row), words, fields=tuple(values))


def _named(what: str, connected: ConnectedFlow, row: Row) -> str:
    """A step's name. A record that only belongs to the traced one is named with its part and key."""
    return what if row["part"] == connected.flow.main else f"{row['part']} {row['key']}: {what}"


def _json(text: str) -> Any:
    return json.loads(text, parse_float=Decimal)


def laid_out(body: Any, place: str = "") -> list[str]:
    """The values of a body, a field a line: `name: value`.

    Args:
        place: what comes before each name: names of the fields and numbers in the lists that the body is inside of.
    """
    if isinstance(body, dict):
        return [line for name, value in body.items() for line in laid_out(value, f"{place} {name}".strip())]
    if isinstance(body, list):
        return [line for number, value in enumerate(body, 1) for line in laid_out(value, f"{place} {number}".strip())]
    return [f"{place}: {told(body)}"]
