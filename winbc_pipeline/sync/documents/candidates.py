"""What was mapped, put together: one row per document with its lines, and what the ledger knows of it."""

import json
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from ...mapping.compiler import Compiled
from ...settings import Settings
from ...staging import ledger
from ...staging.load import create as create_staging
from ...staging.store import Row, literal, quote, renew_table, rows_of
from ...systems.business_central import BusinessCentral
from ..flow import Document, Flow
from ..map import MAPPED, mapped_table
from ..plan import ids_by_code, with_payloads
from ..stage import flow_store, staging_table

KNOWN = (
    "state",
    "target_id",
    "target_no",
    "target_set",
    "hash",
    "field_hashes",
    "intent_at",
    "attempt_no",
    "looked_at",
    "server_at",
    "action",
    "reference",
    "attempt_id",
    "reason",
    "message",
    "amount",
    "currency",
)


@dataclass
class Candidate:
    """A document that the mapping makes, and what is known of it.

    Attributes:
        header, lines: payloads with the fields of the flow's own still among them, codes replaced by ids.
        errors: broken rules, in words; missing: a code that the target does not have; dependency: items that it lacks.
        known: the ledger's row (names of KNOWN and `sent_version`), None values when there is none.
    """

    key: str
    window: date
    version: str
    hash: str
    mapping_version: str
    skip_reason: str | None
    ended: str | None
    guest: bool
    customer_key: str | None
    header: dict[str, Any]
    lines: list[dict[str, Any]]
    errors: list[str]
    missing: str | None
    dependency: str | None = None
    known: Row = field(default_factory=dict)

    @property
    def reference(self) -> str:
        return str(self.header.get("externalDocumentNumber") or "")

    @property
    def references(self) -> set[str]:
        """By what it may be found: as it is mapped now, and as it was sent once."""
        return {self.reference, self.known["reference"] or ""} - {""}

    @property
    def currency(self) -> str | None:
        return self.header.get("currencyCode")

    @property
    def expected(self) -> Decimal | None:
        """The source's total with VAT, when a table gives it."""
        value = self.header.get("expectedTotal")
        return None if value is None else Decimal(value)


def needed_document(flow: Flow) -> Document:
    if flow.document is None:
        raise ValueError(f"{flow.id} makes no documents")
    return flow.document


def documents_sql(flow: Flow, settings: Settings) -> str:
    """SELECT of the documents of the windows between two bound days; `unchanged`: confirmed, and nothing to be done.

    One whose lines are not mapped as they are staged now is left out: it waits for the run that maps them.
    """
    document = needed_document(flow)
    kind = document.kind(settings)
    mapped, staging = quote(mapped_table(flow)), quote(staging_table(flow, settings).name)
    names = ", ".join(literal(name) for name in kind.lines)
    place = " ".join(f"WHEN {literal(name)} THEN {number}" for number, name in enumerate(kind.lines))
    known = ", ".join(f"l.{quote(name)}" for name in KNOWN)
    own = " OR ".join(f"({flow.part(name).where})" for name in kind.lines if flow.part(name).key == "_key")
    return f"""
        WITH staged AS (
            SELECT *, {flow.part(kind.header).key} AS _order, row_number() OVER (ORDER BY {document.line_order}, _key)
            AS _place FROM {staging}
        ), orders AS (
            SELECT _order, md5(string_agg(_version::VARCHAR, ' ' ORDER BY _key)) AS version,
            list(_version::VARCHAR) AS versions, count(*) FILTER ({own}) AS expected,
            first({document.customer_key} ORDER BY _key) AS customer_key, coalesce(bool_and({document.guest}), false)
            AS guest, first({document.ended(settings)} ORDER BY _key) AS ended,
            first({_reasons(document.skips(settings))} ORDER BY _key) AS skip_reason FROM staged GROUP BY _order
        ), lines AS (
            SELECT s._order, count(*) FILTER (s._key = m._key) AS mapped, list({{'part': m.part, 'key': m._key,
            'creates': m.creates, 'errors': m.errors, 'hash': m.hash}} ORDER BY CASE m.part {place} END, s._place)
            AS lines FROM {mapped} AS m JOIN staged AS s ON s._version::VARCHAR = m._version
            AND (s._key = m._key OR s._order = m._key) WHERE m.part IN ({names}) GROUP BY ALL
        )
        SELECT h._key, h._window, o.version AS _version, h.creates, h.updates, h.errors, h.mapping_version,
        md5(h.hash || coalesce(array_to_string(list_transform(n.lines, lambda x: x.hash), ' '), '') ||
        coalesce(o.ended, '')) AS own_hash, o.skip_reason, o.customer_key, o.guest, o.ended, n.lines, {known},
        l.version AS sent_version,
        coalesce(l.state = 'CONFIRMED' AND (l.version = o.version OR l.hash = own_hash), false) AS unchanged
        FROM {mapped} AS h JOIN orders AS o ON o._order = h._key AND list_contains(o.versions, h._version)
        LEFT JOIN lines AS n ON n._order = h._key
        LEFT JOIN ledger AS l ON l.part = {literal(flow.main)} AND l.key = h._key
        WHERE h.part = {literal(kind.header)} AND h._window BETWEEN ? AND ? AND coalesce(n.mapped, 0) = o.expected"""


def _reasons(skips: tuple[tuple[str, str], ...]) -> str:
    cases = " ".join(f"WHEN {condition} THEN {literal(reason)}" for condition, reason in skips)
    return f"CASE {cases} END" if cases else "NULL::VARCHAR"


def read(
    flow: Flow,
    settings: Settings,
    target: BusinessCentral,
    compiled: dict[str, Compiled],
    first: date,
    last: date,
    keys: Collection[tuple[str, str]] | None = None,
) -> list[Candidate]:
    """The documents of the windows with which something may have to be done, or those of `keys` in any case."""
    where = "NOT unchanged" if keys is None else "list_contains(?, _key)"
    chosen = [] if keys is None else [sorted(key for part, key in keys if part == flow.main)]
    with flow_store(flow, settings).open() as connection:
        ledger.create(connection)
        renew_table(connection, mapped_table(flow), MAPPED)
        create_staging(connection, staging_table(flow, settings))
        rows = rows_of(
            connection,
            f"SELECT * FROM ({documents_sql(flow, settings)}) WHERE {where} ORDER BY _key",
            [first, last, *chosen],
        )
    sets = {entity_set for each in compiled.values() for entity_set in each.references.values()}
    ids = ids_by_code(target, sets) if rows else {}
    header = needed_document(flow).kind(settings).header
    return [_candidate(row, header, compiled, ids, flow) for row in rows]


def _candidate(row: Row, header: str, compiled: dict[str, Compiled], ids: Any, flow: Flow) -> Candidate:
    whole = with_payloads(row, compiled[header], ids)
    missing, lines = whole["missing"], []
    errors = [_words(flow.part(header).table, "", error) for error in row["errors"]]
    for each in row["lines"] or []:
        line = with_payloads({"creates": each["creates"], "updates": "{}"}, compiled[each["part"]], ids)
        missing = missing or line["missing"]
        lines.append(line["creates"] | {"_key": each["key"]})
        errors += [_words(flow.part(each["part"]).table, f"line {each['key']}, ", error) for error in each["errors"]]
    return Candidate(
        key=row["_key"],
        window=row["_window"],
        version=row["_version"],
        hash=row["own_hash"],
        mapping_version=row["mapping_version"],
        skip_reason=row["skip_reason"],
        ended=row["ended"],
        guest=row["guest"],
        customer_key=row["customer_key"],
        header=dict(whole["creates"]),
        lines=lines,
        errors=errors,
        missing=missing,
        known={name: row[name] for name in (*KNOWN, "sent_version")},
    )


def _words(table: str, where: str, error: Row) -> str:
    place = f"{table} row {error['row']}" if error["row"] else "source"
    return f"{where}{error['field']}: {error['rule']}, given {error['given']} ({place})"


def base_hashes(known: Row) -> dict[str, str]:
    """Hashes per field of what was last sent."""
    return json.loads(known["field_hashes"]) if known["field_hashes"] else {}
