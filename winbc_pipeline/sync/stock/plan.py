"""The plan of stock: one statement compares all figures, because the source owns them and nothing is made or merged.

Here belongs: what the target has for each SKU, and the statement. SKUs that need more words than a reason code are
decided one by one, as other records are (records/plan.py): a broken rule, several matches, a record that another SKU
has. So are all SKUs of a table that gives more than figures and flags.
"""

import re
from collections import Counter
from collections.abc import Mapping
from itertools import groupby, starmap
from typing import Any, NamedTuple

import duckdb

from ... import clock
from ...mapping.compiler import Compiled
from ...staging import ledger
from ...staging.load import create as create_staging
from ...staging.store import Row, create_table, insert_rows, literal, quote, renew_table
from ...systems.business_central.client import dumps
from ..connected import ConnectedFlow
from ..map import MAPPED, mapped_table, mapped_with_ledger, skip_gone
from ..outcomes import IGNORED
from ..part import Part
from ..plan_table import begin_plan, put_planned, unchanged_rows
from ..records.known.known import KnownRecords
from ..records.plan import plan as plan_one_by_one
from ..records.special.stocked import Stocked
from ..records.target.matching import Target, matching_of
from ..session import recover
from ..work import Work
from .bc_stock import StockOfBc

COMPARED = ("decimal", "integer", "boolean")  # kinds of fields
NEEDED = ("id", "number", "type", "blocked")  # of an item, beside the fields that are compared
# The record of the target that a SKU has; `refusal` is the reason code of one that takes no figure, or that is missing.
FOUND = dict.fromkeys(("key", "id", "number", "etag", "refusal"), "VARCHAR")
CHOSEN = {"key": "VARCHAR"}
TABLE = "stock_found"  # what was found so far, until the statement
AT_ONCE = 20_000  # SKUs that are looked up at once: five calls


class Wanted(NamedTuple):
    """A SKU: its key, the number that finds its item, and the id of the record known so far.

    `is_number`: whether it can be the number of an item. That of a variant need not be.
    """

    key: str
    number: str | None
    known: str | None
    is_number: bool


def plan(work: Work, target: Target) -> None:
    """Writes the plan table, as the plan of other records does."""
    connected = work.connected
    (part,) = connected.parts
    compiled = connected.compiled()[part.name]
    known, is_plain = KnownRecords(connected, part, compiled), _is_plain(part, compiled)
    has_app = isinstance(target, StockOfBc) and bool(target.app)
    if known.watched or not (is_plain or has_app):
        plan_one_by_one(work, target)
        return
    recover(work.store, work.run_id)
    skip_gone(work.store, work.flow, work.run_id, [part.name])
    compared = (each.facts for each in compiled.targets if each.line.when == "update" and each.facts.kind in COMPARED)
    kinds = {facts.name: facts.kind for facts in compared}
    records = TargetRecords(connected, part, target, known, list(kinds), variants_only=not is_plain)
    *several, last = records.alike_together(_wanted(work, part)) or [[]]
    for some in several:  # a large window takes no more memory than a small one
        with work.store.transaction() as connection:
            _keep(connection, kinds, records.rows(some))
    left = _settle(work, kinds, records.rows(last))
    if left:
        plan_one_by_one(work.only({(part.name, key) for key in left}), target)


def _is_plain(part: Part, compiled: Compiled) -> bool:
    """Whether a table gives the number that finds a record, and else only figures and flags of known records."""
    (own, _), *others = part.match
    return not others and all(
        each.facts.kind in COMPARED if each.line.when == "update" else each.line.target_field == own
        for each in compiled.targets
    )


def _wanted(work: Work, part: Part) -> list[Wanted]:
    """The SKUs that the target is asked about.

    Raises: MappingError when the tables were edited since they were mapped.
    """
    own, _ = part.match[0]
    number = literal(f"$.{own}")
    with work.store.open() as connection:
        connection.execute(f"DROP TABLE IF EXISTS {TABLE}")  # of a plan that was killed
        _make_candidates(connection, work)
        made_by = connection.execute("SELECT DISTINCT mapping_version FROM candidate").fetchall()
        work.connected.check_mapped_now(version for (version,) in made_by)
        rows = connection.execute(
            f"""
            SELECT _key, CASE WHEN len(errors) = 0 THEN creates ->> {number} END, target_id, len(errors) = 0
            FROM candidate
            WHERE
                skip_reason IS NULL AND NOT is_ignored
                AND len(list_filter(errors, lambda error: error.field <> {literal(own)})) = 0
            ORDER BY _key
            """
        ).fetchall()
        return list(starmap(Wanted, rows))


def _make_candidates(connection: duckdb.DuckDBPyConnection, work: Work) -> None:
    """Makes the temporary table `candidate`: the mapped SKUs of a work that may need something."""
    ledger.create(connection)
    renew_table(connection, mapped_table(work.flow), MAPPED)
    create_staging(connection, work.connected.staging)
    create_table(connection, "chosen", CHOSEN, temporary=True)
    if work.keys is not None:
        insert_rows(connection, "chosen", CHOSEN, [{"key": key} for _, key in work.keys])
    connection.execute(
        f"""
        CREATE TEMP TABLE candidate AS
        SELECT
            *,
            coalesce(state = 'SKIPPED' AND reason = '{IGNORED}' AND version = _version, false) AS is_ignored
        FROM ({mapped_with_ledger(work.flow)})
        WHERE NOT unchanged AND (? OR _key IN (SELECT key FROM chosen))
        """,
        [*work.days, work.keys is None],
    )


class TargetRecords:
    """The records that the target has for SKUs.

    Args:
        fields: names of the fields that are compared.
        variants_only: whether only variants are looked at, because the table gives items more than figures and flags.
    """

    def __init__(
        self,
        connected: ConnectedFlow,
        part: Part,
        target: Target,
        known: KnownRecords,
        fields: list[str],
        variants_only: bool = False,
    ) -> None:
        self.settings, self.part, self.target, self.known, self.fields = connected.settings, part, target, known, fields
        self.variants_only = variants_only
        self.matching, self.stocked = matching_of(connected, part, target), Stocked(target)
        self.select = (*NEEDED, *fields) if connected.flow.target == "bc" else ()

    def alike_together(self, wanted: list[Wanted]) -> list[list[Wanted]]:
        """SKUs in chunks of AT_ONCE or more: those whose numbers find the same record are never apart.

        One without a number is alike to none.
        """
        own, _ = self.part.match[0]

        def as_found(each: Wanted) -> str:  # a text, and not kept: of a million SKUs, more than that would be heavy
            return next((value for _, value in self.matching.keys({own: each.number})), f"\0{each.key}")

        chunks: list[list[Wanted]] = []
        for _, alike in groupby(sorted(wanted, key=as_found), key=as_found):
            if not chunks or len(chunks[-1]) >= AT_ONCE:
                chunks.append([])
            chunks[-1] += alike
        return chunks

    def rows(self, wanted: list[Wanted]) -> list[Row]:
        """A row for each SKU, with the columns of FOUND and the JSON text of each field; none for an unclear SKU."""
        live = self._with_app(self._live(wanted))
        self.stocked.look_up(record for record in live.values() if record)
        missing = [key for key, record in live.items() if not record]
        inner = self.part.inner(self.settings, missing)
        broken = {each.key for each in wanted if not each.is_number}
        # What is no variant is told with the rule that its number breaks.
        live = {key: record for key, record in live.items() if record or key in inner or key not in broken}
        reasons = {key: "NOT_STOCKED_PER_VARIANT" if key in inner else self.part.missing for key in missing}
        return [self._row(key, live[key], reasons.get(key) or self.stocked.refusal(live[key])) for key in live]

    def _with_app(self, live: dict[str, Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
        """The same with the stock of variants, which only the companion app tells."""
        if not isinstance(self.target, StockOfBc) or not self.target.app:
            return live
        sold = self.part.inner(self.settings, [key for key, one in live.items() if not one])
        ids = {key: next(iter(each.ids)) for key, each in sold.items() if len(each.ids) == 1}
        variants = self.target.variants(set(ids.values()))
        own: dict[str, Mapping[str, Any]] = {key: variants[each] for key, each in ids.items() if each in variants}
        return own if self.variants_only else live | own

    def _row(self, key: str, record: Mapping[str, Any], refusal: str | None) -> Row:
        row = {"key": key, "id": record.get("id"), "number": record.get("number"), "etag": record.get("@odata.etag")}
        for name in self.fields:  # a field that the record does not have is left alone
            row[_live(name)] = dumps(record[name]).decode() if name in record else None
        row["refusal"] = refusal
        return row

    def _live(self, wanted: list[Wanted]) -> dict[str, Mapping[str, Any]]:
        """The record of each SKU, {} where there is none. A SKU with several, or with one of another SKU, is left out.

        The link to a record holds, whatever number it has by now.
        """
        ids = {each.known for each in wanted if each.known}
        linked = self.target.find(self.part.entity_set, "id", ids, False, self.select) if ids else {}
        live: dict[str, Mapping[str, Any]] = {
            each.key: linked[each.known][0] for each in wanted if each.known in linked
        }
        there = self._by_number({each.key: each.number for each in wanted if each.key not in live})
        times = Counter(each["id"] for records in there.values() for each in records)
        owners = self.known.links(times.keys())
        for key, records in there.items():
            if not records:
                live[key] = {}
            elif len(records) == 1 == times[records[0]["id"]] and owners.get(records[0]["id"], key) == key:
                live[key] = records[0]
        return live

    def _by_number(self, numbers: Mapping[str, str | None]) -> dict[str, list[dict[str, Any]]]:
        """The records with the numbers of SKUs, by key; no record for a SKU to which the table gives no number."""
        own, ignore_case = self.part.match[0]
        asked = {key: self.matching.keys({own: number})[0][1] for key, number in numbers.items() if number}
        find = self.target.find
        found = find(self.part.entity_set, own, set(asked.values()), ignore_case, self.select) if asked else {}
        return {key: found.get(asked[key], []) if key in asked else [] for key in numbers}


def _settle(work: Work, kinds: Mapping[str, str], found: list[Row]) -> list[str]:
    """Plans every SKU that needs no words; gives the keys of the others.

    Args:
        kinds: of the fields that are compared, by name.
    """
    with work.store.transaction() as connection:
        _make_candidates(connection, work)
        _keep(connection, kinds, found)
        begin_plan(connection, work, unchanged_rows(mapped_with_ledger(work.flow)))
        put_planned(connection, work.flow, _decided(kinds), [clock.now()])
        left = connection.execute("SELECT _key FROM candidate ANTI JOIN fresh ON fresh.key = _key").fetchall()
        connection.execute(f"DROP TABLE {TABLE}")
    return [key for (key,) in left]


def _keep(connection: duckdb.DuckDBPyConnection, kinds: Mapping[str, str], found: list[Row]) -> None:
    """Adds rows to what was found."""
    columns = FOUND | {_live(name): "VARCHAR" for name in kinds}
    create_table(connection, TABLE, columns)
    insert_rows(connection, TABLE, columns, found)


def _decided(kinds: Mapping[str, str]) -> str:
    """SELECT of the planned rows, with the moment as the bound value."""
    bodies, changes = [], []
    for name, kind in kinds.items():
        old, new = f"f.{quote(_live(name))}", mapped_value("c.updates", name)
        there = f"{old} IS NOT NULL AND {new} IS NOT NULL"
        differs = f"{there} AND {_comparable(old, kind)} IS DISTINCT FROM {_comparable(new, kind)}"
        field, before = literal(f'"{name}":'), literal(f'{{"field":"{name}","old":')
        bodies.append(f"CASE WHEN {differs} THEN {field} || {new} END")
        changes.append(f"CASE WHEN {differs} THEN {before} || {old} || ',\"new\":' || {new} || '}}' END")
    return f"""
        SELECT
            *,
            CASE WHEN reason IS NULL THEN 'update' ELSE 'skip' END AS action
        FROM (
            SELECT
                c.part, c._key AS key, c._window AS "window", c._version AS version, c.mapping_version,
                c.hash, '{{}}' AS field_hashes, f.id AS target_id, f.number AS target_no, f.etag,
                '{{' || concat_ws(',', {", ".join(bodies)}) || '}}' AS body,
                '[' || concat_ws(',', {", ".join(changes)}) || ']' AS changes,
                CASE
                    WHEN c.skip_reason IS NOT NULL THEN c.skip_reason
                    WHEN c.is_ignored THEN '{IGNORED}'
                    WHEN f.refusal IS NOT NULL THEN f.refusal
                    WHEN body = '{{}}' THEN 'UNCHANGED'
                END AS reason,
                CASE WHEN c.skip_reason IS NOT NULL THEN c.words WHEN c.is_ignored THEN c.message END AS message,
                ?::TIMESTAMPTZ AS planned_at
            FROM candidate AS c
            LEFT JOIN {TABLE} AS f ON f.key = c._key
            WHERE c.skip_reason IS NOT NULL OR c.is_ignored OR f.key IS NOT NULL
        )"""


def mapped_value(payload: str, name: str) -> str:
    """SQL of a figure or flag of a mapped payload, as JSON text without zeros at its end; NULL for none.

    It is taken out as text, because DuckDB's functions of JSON make a floating-point number of it.

    Args:
        payload: SQL of the payload, whose values are numbers and flags.
    """
    pattern = literal(f'"{re.escape(name)}":([^,}}]+)')
    text = f"nullif(nullif(regexp_extract({payload}, {pattern}, 1), ''), 'null')"
    return f"regexp_replace(regexp_replace({text}, '(\\.\\d*?)0+$', '\\1'), '\\.$', '')"


def _comparable(value: str, kind: str) -> str:
    """SQL of a JSON value as it is compared: numbers by their value."""
    return value if kind == "boolean" else f"try_cast({value} AS DECIMAL(38, 10))"


def _live(field: str) -> str:
    """Name of the column with what the target has in a field, as JSON text."""
    return f"live_{field}"
