"""What becomes of single records under the present tables: sources, steps of each formula, value, request.

It reads the target and writes nothing to it. It shows staged records only: the source is not asked.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import duckdb

from .. import clock
from ..mapping.compiler import Compiled, CompiledLine
from ..mapping.execute import fill_joined_tables
from ..mapping.expressions import as_text
from ..staging import ledger
from ..staging.load import create as create_staging
from ..staging.store import Row, literal, lock_down, quote, rows_of
from ..sync.connected import CompiledTables, ConnectedFlow
from ..sync.dispatch import sending_of
from ..sync.map import KNOWN, create_source_view, mapping_connection
from ..sync.part import Part
from ..sync.payloads import fields_of, filled
from ..sync.records.compare import decide, live_targets
from ..sync.records.decision import Decision
from ..sync.records.plan import planned_row
from ..systems.business_central import BusinessCentral


@dataclass(frozen=True)
class FieldView:
    """One field of one record.

    Attributes:
        target: the row of the mapping table, compiled.
        sources: the source fields that the formula reads, with their values.
        steps: the parts of the formula with their values, innermost first.
        value: what the formula comes to.
    """

    target: CompiledLine
    sources: Mapping[str, str | None]
    steps: Sequence[tuple[str, str | None]]
    value: Any


@dataclass(frozen=True)
class RecordView:
    """One record of one part: its fields, the rules that it breaks, and what the next plan would do with it.

    Attributes:
        errors: the broken rules: `field`, `rule`, `given`, `row`.
        live: the target's present values of the record; empty when the target has no such record.
        orphan: whether the record would be created, but its parent neither exists nor would be created.
        with_parent: whether the record would be created, and its parent by the same plan.
    """

    part: Part
    key: str
    fields: Sequence[FieldView]
    errors: Sequence[Mapping[str, Any]]
    decision: Decision
    live: Mapping[str, Any]
    orphan: bool
    with_parent: bool = False

    @property
    def request(self) -> str:
        """Method and path of the request, or why none is sent."""
        if self.orphan:
            return f"none: its {self.part.parent} is not in the target, and would not be made"
        decision, entity_set = self.decision, self.part.entity_set
        if self.part.picture and decision.action == "create":
            return f"the picture of its {self.part.parent}, unless it has this one"
        if decision.action == "create":
            after = f" after its {self.part.parent}, which this plan makes" if self.with_parent else ""
            return f"POST {entity_set}{after}"
        if decision.action == "update":
            return f"PATCH {entity_set}({decision.target.get('id')})"
        reason = f"{decision.reason or ''} {decision.message or ''}".strip()
        return f"none: {reason}"


@dataclass(frozen=True)
class _Mapped:
    """The chosen records of one part as the tables map them, and its parent's records with the same keys."""

    part: Part
    rows: list[Row]
    fields: list[list[FieldView]]
    parents: list[Row]


def fields_filled(connected: ConnectedFlow) -> list[str]:
    """Names of the target's fields that a flow's tables fill; raises MappingError that names file, row and column."""
    tables = connected.compiled().values()
    return sorted({target.facts.name for compiled in tables for target in compiled.targets})


def preview(connected: ConnectedFlow, key: str | None, sample: int) -> list[RecordView]:
    """The record with a key in each part, or the first `sample` records of each part.

    The key of an order gives its header, its customer, and the first `sample` of its lines.
    Raises: MappingError that names file, row and column.
    """
    flow, compiled, staging = connected.flow, connected.checked(), connected.staging
    where, chosen = _chosen(connected, key, sample)
    found: list[_Mapped] = []
    with mapping_connection(connected) as connection:
        create_staging(connection, staging)
        ledger.create(connection)
        lock_down(connection)
        for part in connected.parts:
            own = compiled[part.name]
            create_source_view(connection, part, own, staging.name, _first(part, staging.name, sample, key) or where)
            rows = _mapped(connection, connected, part, own, chosen)
            fields = [_fields(connection, own, row) for row in rows]
            parents: list[Row] = []
            if part.parent and rows:
                parent = flow.part(part.parent)
                keys = ", ".join(literal(row["_key"]) for row in rows)
                chosen_keys = f"SELECT {part.group or '_key'} FROM {quote(staging.name)} WHERE _key IN ({keys})"
                of_these = "true" if parent.merged_by else f"{parent.key} IN ({chosen_keys})"
                create_source_view(connection, parent, compiled[parent.name], staging.name, of_these)
                parents = _mapped(
                    connection, connected, parent, compiled[parent.name], f"WHERE _key IN ({chosen_keys})"
                )
            found.append(_Mapped(part, rows, fields, parents))
    return _decided(connected, compiled, found)


def _chosen(connected: ConnectedFlow, key: str | None, sample: int) -> tuple[str, str]:
    """SQL that chooses records, of all windows: a condition on the staged rows, and what follows `FROM source`."""
    document, first = connected.flow.document, f"ORDER BY _key LIMIT {int(sample)}"
    if key is None:
        return "true", first
    if document is None:
        return "true", f"WHERE _key = {literal(key)}"
    # The parts of a document have keys of their own. They are made of the document's staged rows.
    header = connected.flow.part(document.kind(connected.settings).header)
    return f"({header.key} = {literal(key)} OR _key = {literal(key)})", first


def _first(part: Part, staging: str, sample: int, key: str | None) -> str:
    """A condition that leaves the staged rows of a part's first records only; empty where all rows count.

    The newest row of each key is looked for among what is left, so a large table is not held for long.
    """
    if key is not None or part.merged_by:
        return ""
    first = f"SELECT {part.key} AS first FROM {quote(staging)} WHERE {part.where} GROUP BY 1 ORDER BY 1"
    return f"{part.key} IN ({first} LIMIT {int(sample)})"


def _mapped(
    connection: duckdb.DuckDBPyConnection, connected: ConnectedFlow, part: Part, compiled: Compiled, chosen: str
) -> list[Row]:
    """The chosen records under the present tables, with what the ledger knows of them.

    Args:
        chosen: SQL that follows `SELECT * FROM source`.
    """
    connection.execute(f"CREATE OR REPLACE TEMP TABLE chosen AS SELECT * FROM source {chosen}")
    connection.execute("CREATE OR REPLACE TEMP VIEW source AS FROM chosen")
    fill_joined_tables(connection, compiled.steps, compiled.lookups)
    return rows_of(
        connection,
        f"""
        SELECT m.* REPLACE (m._version::VARCHAR AS _version),
            {literal(connected.mapping_version())} AS mapping_version, {KNOWN}
        FROM (SELECT '{part.name}' AS part, * FROM ({compiled.select})) AS m
        LEFT JOIN ledger AS l ON l.part = '{part.name}' AND l.key = m._key
        ORDER BY m._key
        """,
    )


def _fields(connection: duckdb.DuckDBPyConnection, compiled: Compiled, row: Row) -> list[FieldView]:
    shown: list[FieldView] = []
    for target in compiled.targets:
        trace = dict(target.formula.trace)
        parts = {**trace, "": replace(target.raw, sql=target.made)}  # "" stands for the finished value
        columns = ", ".join(as_text(part).sql for part in parts.values())
        chosen = f"SELECT {columns} FROM ({compiled.base}) WHERE _key = {literal(row['_key'])}"
        values = dict(zip(parts, connection.execute(chosen).fetchall()[0], strict=True))
        sources = {name: values[name] for name in trace if name in target.formula.value.reads}
        steps = [(text, values[text]) for text in trace if text not in sources]
        shown.append(FieldView(target, sources, steps, values[""]))
    return shown


def _decided(connected: ConnectedFlow, compiled: CompiledTables, found: Sequence[_Mapped]) -> list[RecordView]:
    sending = sending_of(connected.flow)
    views: list[RecordView] = []
    target = sending.open(connected.settings)
    try:
        for each in found:
            if not sending.compares_fields or not each.part.match:
                views += _values_only(each)
            else:
                views += _compared(connected, compiled, each, target)
    finally:
        target.close()
    return views


def _compared(
    connected: ConnectedFlow, compiled: CompiledTables, each: _Mapped, target: BusinessCentral
) -> Iterator[RecordView]:
    """The views of one part's records, compared with the live target."""
    part, own = each.part, compiled[each.part.name]
    there, parents = set[str](), dict[str, Row]()
    if part.parent:
        parent = connected.flow.part(part.parent)
        of_parents = decide(connected, parent, target, compiled[parent.name], each.parents)
        moment = clock.now()
        there, parents = _there(of_parents), {row["_key"]: planned_row(row, found, moment) for row, found in of_parents}
    decided = decide(connected, part, target, own, each.rows, lambda _: parents)
    live = live_targets(connected, part, target, own, [row for row, _ in decided])
    for (row, decision), shown, now in zip(decided, each.fields, live, strict=True):
        if decision.action == "update" and _is_kept(connected, part):
            decision = Decision("skip", "KEPT", target=decision.target)
        orphan = bool(part.reference) and decision.action == "create" and row["_key"] not in there
        planned = parents.get(row.get("group") or row["_key"], Row())
        with_parent = decision.action == planned.get("action") == "create"
        yield RecordView(part, row["_key"], shown, row["errors"], decision, now, orphan, with_parent)


def _is_kept(connected: ConnectedFlow, part: Part) -> bool:
    """Whether a part is the customer of a document, whom orders do not change."""
    document, customers = connected.flow.document, connected.settings.orders.customers
    return document is not None and part.name in document.customer and customers != "create_and_update"


def _there(decided: Sequence[tuple[Row, Decision]]) -> set[str]:
    """Keys of the records that the target has or would get."""
    return {
        row["_key"]
        for row, decision in decided
        if decision.action == "create" or decision.target.get("id") or row["target_id"]
    }


def _values_only(each: _Mapped) -> Iterator[RecordView]:
    """The views of one part's records where there is nothing to compare them with.

    Winstore has no call that tells what it has, and lines have no key of their own.
    """
    for row, shown in zip(each.rows, each.fields, strict=True):
        yield RecordView(each.part, row["_key"], shown, row["errors"], _judged_alone(row), {}, False)


def _judged_alone(row: Row) -> Decision:
    """What a record's own values come to."""
    if row["skip_reason"]:
        return Decision("skip", row["skip_reason"])
    if row["errors"]:
        return Decision("fail", "MAPPING")
    return Decision("create", body=filled(fields_of(row["creates"])))
