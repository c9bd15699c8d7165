"""Puts mapped records together: one row per document with its lines, and what the ledger knows of it."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Any

from ...mapping.compiler import Compiled
from ...staging import ledger
from ...staging.load import create as create_staging
from ...staging.store import Row, literal, quote, renew_table, rows_of
from ...systems.business_central.addresses import cut
from ..connected import ConnectedFlow
from ..flow import Document, Flow
from ..map import MAPPED, mapped_table
from ..outcomes import broken_rule
from ..payloads import fields_of, records_of
from ..records.target.references import IdsByCode, with_ids
from ..sending import chunks_of
from ..work import Work

CHUNK = 2_500  # documents that are decided at once: memory grows with it
Payload = tuple[str, str, dict[str, Any]]  # a header or a line: its part, its key, its fields

# SQL over a mapped header (alias h): its reference.
REFERENCE = "(h.creates ->> 'externalDocumentNumber')"
# SQL: the hash of all that a document is made of. Aliases: h header, n its lines, o its order.
OWN_HASH = """md5(
                h.hash
                || coalesce(array_to_string(list_transform(n.lines, lambda x: x.hash), ' '), '')
                || coalesce(o.ended, '') || coalesce(o.customer_sign, '') || CASE WHEN o.namesakes THEN '+' ELSE '' END
            )"""
# SQL: the document was confirmed, and nothing is to be done. An edited table changes `own_hash` and not the version.
UNCHANGED = "coalesce(l.state = 'CONFIRMED' AND (l.version = o.version OR l.hash = own_hash), false)"

# Columns of the ledger that a document is decided by.
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
    """A document that the mapping makes of an order, and what is known of it.

    Attributes:
        version: of the staged lines; hash: of all that the document is made of.
        skip_reason: why the source's record becomes no document.
        ended: `cancelled` or `refunded` when the source no longer wants the order.
        guest: whether Winstore does not know the customer.
        customer_sign: tells the order's customer from others; not to be stored unless it is keyed.
        hash_key: the key of the hashes that are kept of its fields.
        header, lines: payloads with ids in place of codes. Fields that are never sent are still among them.
        blank: fields of the header that the table leaves empty on purpose. A line names its own in `_blank`.
        errors: broken rules, in words.
        cut: in words, the texts of addresses that were cut, because the target takes no longer ones.
        missing: in words, a code that the target does not have.
        bad_values: whether a value of the source is not of its kind, such as a number that cannot be read.
        namesakes: whether two orders of the source have this number.
        line_lost: whether a line has no number of its own.
        ambiguous: in words, the SKUs whose item in the target is another article's.
        dependency: in words, the items that the target does not have.
        claims: how many documents that are to be made have the same reference.
        owner: the key of another order whose document has the reference, or may have it.
        by_key: whether the document goes as an order request of the companion app.
        lacks: the fields that such a request does not have; None when the app is not there.
        link: the request that made a document of the order before; None when there is none.
        known: the ledger's row (names of KNOWN, and `sent_version`). All values are None when there is no row.
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
    hash_key: str
    customer_sign: str | None = None
    blank: tuple[str, ...] = ()
    bad_values: bool = False
    namesakes: bool = False
    line_lost: bool = False
    ambiguous: str | None = None
    cut: list[str] = field(default_factory=list)
    claims: int = 1
    owner: str | None = None
    dependency: str | None = None
    by_key: bool = False
    lacks: list[str] | None = None
    link: dict[str, Any] | None = None
    known: Row = field(default_factory=dict)

    @cached_property
    def reference(self) -> str:
        return str(self.header.get("externalDocumentNumber") or "")

    @cached_property
    def references(self) -> set[str]:
        """The references under which the document may be there: the one of now, and the one that was sent."""
        return {self.reference, self.known["reference"] or ""} - {""}

    @property
    def currency(self) -> str | None:
        return self.header.get("currencyCode")

    @cached_property
    def expected(self) -> Decimal | None:
        """The source's total with VAT; None when no mapping table gives it."""
        value = self.header.get("expectedTotal")
        return None if value is None else Decimal(value)


def needed_document(flow: Flow) -> Document:
    """What the flow's records become; raises ValueError for a flow that makes no documents."""
    if flow.document is None:
        raise ValueError(f"{flow.id} makes no documents")
    return flow.document


def documents_sql(connected: ConnectedFlow, only: str = "true", alike: Collection[str] = ()) -> str:
    """SELECT of the documents of the windows between two days. The days are its last two bound values.

    Its column `unchanged` says whether a document was confirmed and nothing is to be done. A document whose lines are
    not mapped as they are staged now is left out: it waits for the run that maps them.

    Args:
        only: a condition on `_order`, the key of a document. Its bound values come before the days.
        alike: SKUs that the column `alike_skus` names where a document has them.
    """
    flow = connected.flow
    kind = needed_document(flow).kind(connected.settings)
    part = literal(flow.main)
    known = ", ".join(f"l.{quote(name)}" for name in KNOWN)
    return f"""
        WITH {_staged(connected, only, alike)},
        {_lines(connected)},
        {_owners(part)}
        SELECT
            h._key, h._window, o.version AS _version, h.creates, h.updates, h.errors, h.mapping_version,
            {OWN_HASH} AS own_hash,
            o.skip_reason, o.customer_key, o.customer_sign, o.guest, o.ended, o.alike_skus, o.namesakes, o.line_lost,
            list_transform(n.lines, lambda x: x.part) AS parts,
            list_transform(n.lines, lambda x: x.key) AS line_keys,
            '[' || array_to_string(list_transform(n.lines, lambda x: x.creates), ',') || ']' AS line_creates,
            list_filter(n.lines, lambda x: len(x.errors) > 0) AS wrong_lines,
            {known},
            l.version AS sent_version,
            {UNCHANGED} AS unchanged,
            count(*) FILTER (NOT unchanged AND o.skip_reason IS NULL AND o.ended IS NULL)
                OVER (PARTITION BY {REFERENCE}) AS claims,
            CASE WHEN w.one <> h._key THEN w.one WHEN w.other <> h._key THEN w.other END AS owner
        FROM {quote(mapped_table(flow))} AS h
        JOIN orders AS o ON o._order = h._key AND list_contains(o.versions, h._version)
        LEFT JOIN lines AS n ON n._order = h._key
        LEFT JOIN ledger AS l ON l.part = {part} AND l.key = h._key
        LEFT JOIN owners AS w ON w.reference = {REFERENCE}
        WHERE h.part = {literal(kind.header)}
        AND h._window BETWEEN ? AND ?
        AND coalesce(n.mapped, 0) = o.expected"""


def _staged(connected: ConnectedFlow, only: str, alike: Collection[str]) -> str:
    """Two common table expressions: `staged`, the lines with their order and place; `orders`, what is true of each."""
    flow, settings = connected.flow, connected.settings
    document = needed_document(flow)
    kind = document.kind(settings)
    skus = ", ".join(map(literal, alike))
    alike_skus = f"list(DISTINCT {document.sku}) FILTER ({document.sku} IN ({skus}))" if skus else "NULL::VARCHAR[]"
    # A line is mapped on its own if its part has the source record's key. The others (shipping cost) are one per order.
    own = " OR ".join(f"({flow.part(name).where})" for name in kind.lines if flow.part(name).key == "_key")
    return f"""staged AS (
            SELECT
                *,
                {flow.part(kind.header).key} AS _order,
                row_number() OVER (ORDER BY {document.line_order}, _key) AS _place
            FROM {quote(connected.staging.name)}
            WHERE {only}
        ),
        orders AS (
            SELECT
                _order,
                coalesce(bool_or(_namesakes), false) AS namesakes,
                coalesce({document.line_lost}, false) AS line_lost,
                md5(string_agg(_version::VARCHAR, ' ' ORDER BY _key) || CASE WHEN namesakes THEN '+' ELSE '' END)
                    AS version,
                list(_version::VARCHAR) AS versions,
                count(*) FILTER ({own}) AS expected,
                first({document.customer_key} ORDER BY _key) AS customer_key,
                first({document.customer_sign} ORDER BY _key) AS customer_sign,
                coalesce(bool_and({document.guest}), false) AS guest,
                first({document.ended(settings)} ORDER BY _key) AS ended,
            {alike_skus} AS alike_skus,
                first({_reasons(document.skips(settings))} ORDER BY _key) AS skip_reason
            FROM staged
            GROUP BY _order
        )"""


def _lines(connected: ConnectedFlow) -> str:
    """The common table expression `lines`: the mapped lines of each order, in their order."""
    kind = needed_document(connected.flow).kind(connected.settings)
    names = ", ".join(literal(name) for name in kind.lines)
    place = " ".join(f"WHEN {literal(name)} THEN {number}" for number, name in enumerate(kind.lines))
    return f"""lines AS (
            SELECT
                s._order,
                count(*) FILTER (s._key = m._key) AS mapped,
                list_sort(list({{
                    'kind': CASE m.part {place} END,
                    'place': s._place,
                    'part': m.part,
                    'key': m._key,
                    'creates': m.creates,
                    'errors': m.errors,
                    'hash': m.hash
                }})) AS lines
            FROM {quote(mapped_table(connected.flow))} AS m
            JOIN staged AS s ON s._version::VARCHAR = m._version AND (s._key = m._key OR s._order = m._key)
            WHERE m.part IN ({names})
            GROUP BY ALL
        )"""


def _owners(part: str) -> str:
    """The common table expression `owners`: for each reference, whose document has it or may have it.

    Two keys are enough to find one that is not the order's own.
    """
    return f"""owners AS (
            SELECT reference, min(key) AS one, max(key) AS other
            FROM ledger
            WHERE part = {part} AND {ledger.MAY_BE_IN_TARGET}
            GROUP BY reference
        )"""


def _reasons(skips: tuple[tuple[str, str], ...]) -> str:
    """SQL for the reason code of the first condition that holds, NULL when none does."""
    cases = " ".join(f"WHEN {condition} THEN {literal(reason)}" for condition, reason in skips)
    return f"CASE {cases} END" if cases else "NULL::VARCHAR"


def read(work: Work, compiled: Mapping[str, Compiled], ids: IdsByCode) -> Iterator[list[Candidate]]:
    """The documents of a work that may have to be sent or changed, some at a time.

    A work with keys gets all documents of its keys.
    """
    flow = work.flow
    header = needed_document(flow).kind(work.settings).header
    alike = needed_document(flow).alike_skus(work.settings)
    documents = documents_sql(work.connected, f"{flow.part(header).key} IN (SELECT unnest(?))", alike)
    for some in _keys(work, header):
        with work.store.open() as connection:
            rows = rows_of(connection, f"SELECT * FROM ({documents}) ORDER BY _key", [some, *work.days])
        wanted = [row for row in rows if work.wants(flow.main, row["_key"])]
        rows = [row for row in wanted if work.keys is not None or not row["unchanged"]]
        payloads = [_payloads(row, header) for row in rows]
        ids.read((compiled[part].references, fields) for each in payloads for part, _, fields in each)
        both, key = zip(rows, payloads, strict=True), work.connected.hash_key
        yield [_candidate(row, each, compiled, ids, flow, alike, key) for row, each in both]


def _keys(work: Work, header: str) -> list[list[str]]:
    """The keys of the work's documents, some at a time. Documents with the same reference come together."""
    flow = work.flow
    with work.store.open() as connection:
        ledger.create(connection)
        renew_table(connection, mapped_table(flow), MAPPED)
        create_staging(connection, work.connected.staging)
        found = rows_of(
            connection,
            f"""
            SELECT _key, {REFERENCE} AS reference, count(*) OVER (PARTITION BY reference) AS times
            FROM {quote(mapped_table(flow))} AS h
            WHERE part = ? AND _window BETWEEN ? AND ?
            ORDER BY _key
            """,
            [header, *work.days],
        )
    wanted = {row["reference"] for row in found if work.wants(flow.main, row["_key"])}
    shared = [row["_key"] for row in found if row["times"] > 1 and row["reference"] in wanted]
    alone = [row["_key"] for row in found if row["times"] == 1 and row["reference"] in wanted]
    # `claims` counts within one chunk, so orders that share a reference stay in one.
    return ([shared] if shared else []) + chunks_of(alone, CHUNK)


def _payloads(row: Row, header: str) -> list[Payload]:
    """The payloads of a document: its header, then its lines."""
    bodies = records_of(row["line_creates"] or "[]")
    lines = zip(row["parts"] or [], row["line_keys"] or [], bodies, strict=True)
    return [(header, row["_key"], fields_of(row["creates"])), *lines]


def _candidate(
    row: Row,
    payloads: list[Payload],
    compiled: Mapping[str, Compiled],
    ids: IdsByCode,
    flow: Flow,
    alike: Mapping[str, str],
    hash_key: str,
) -> Candidate:
    (header, _, fields), *lines = payloads
    missing = None
    for part, _, payload in payloads:
        lacking = with_ids(payload, compiled[part].references, ids)[
            1
        ]  # of each payload: all get the ids that there are
        missing = missing or lacking
    for part, key, line in lines:
        line["_key"] = key
        if compiled[part].blank:
            line["_blank"] = compiled[part].blank
    shortened = cut(fields, flow.part(header).entity_set)
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
        header=fields,
        blank=compiled[header].blank,
        lines=[line for _, _, line in lines],
        errors=_errors(row, header, flow, {words.partition(" ")[0] for words in shortened}),
        cut=shortened,
        missing=missing,
        hash_key=hash_key,
        customer_sign=row["customer_sign"],
        bad_values=_has_bad_values(row),
        namesakes=row["namesakes"],
        line_lost=row["line_lost"],
        ambiguous=_ambiguous(row["alike_skus"] or [], alike),
        claims=row["claims"],
        owner=row["owner"],
        known={name: row[name] for name in (*KNOWN, "sent_version")},
    )


def _ambiguous(skus: list[str], alike: Mapping[str, str]) -> str | None:
    """Says in words whose items the target would take for the articles of some SKUs; None when there are no SKUs."""
    words = "SKU {} is an article of its own, but its item number in Business Central is that of article {}"
    return "; ".join(words.format(sku, alike[sku]) for sku in sorted(skus)) or None


def _has_bad_values(row: Row) -> bool:
    """Whether an error is one of the source: such an error has no row of a table."""
    lines = [error for line in row["wrong_lines"] or [] for error in line["errors"]]
    return any(not error["row"] for error in [*row["errors"], *lines])


def _errors(row: Row, header: str, flow: Flow, shortened: set[str]) -> list[str]:
    """The broken rules of the header and of the lines, in words, without the lengths of fields that were cut."""
    wrong = [error for error in row["errors"] if not (error["field"] in shortened and "longer than" in error["rule"])]
    errors = [broken_rule(error, flow.part(header).table) for error in wrong]
    for line in row["wrong_lines"] or []:
        table = flow.part(line["part"]).table
        errors += [f"line {line['key']}, {broken_rule(error, table)}" for error in line["errors"]]
    return errors
