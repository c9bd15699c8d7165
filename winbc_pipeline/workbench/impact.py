"""What an edited mapping would do to all staged records: the next plan, counted. Writes nothing to the target.

Here belongs: counting. sync/records/decide.py decides what becomes of a record, here as in the plan, so that the two
always agree.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from ..mapping.compiler import Compiled
from ..mapping.execute import fill_joined_tables
from ..staging import ledger
from ..staging.load import create as create_staging
from ..staging.store import Row, lock_down, quote, renew_table, rows_of
from ..sync.connected import ConnectedFlow
from ..sync.dispatch import sending_of
from ..sync.flow import Flow, Part
from ..sync.map import KNOWN, MAPPED, UNCHANGED, create_source_view, mapped_table, mapping_connection
from ..sync.payloads import fields_of
from ..sync.records.decide import Decision, decide
from ..sync.records.plan import links
from ..sync.session import check_target


@dataclass
class Impact:
    """The records of one part, counted by what the next plan would do with them.

    Attributes:
        same: the target has these values already. Nothing would be written.
        created: the target would get a new record.
        changed: the target's record would be updated.
        skipped: the record would be skipped for another reason than UNCHANGED.
        held: the record would wait for a person, or for the lookup after a lost answer.
        broken: the record would fail.
        mended: the record broke a rule under the tables before, and would not break one now.
        fields: by field, how many of the changed records would get another value in it.
        breaks: by reason, how many records would fail that do not fail yet.
    """

    part: str
    same: int = 0
    created: int = 0
    changed: int = 0
    skipped: int = 0
    held: int = 0
    broken: int = 0
    mended: int = 0
    fields: Counter[str] = field(default_factory=Counter)
    breaks: Counter[str] = field(default_factory=Counter)


def impact(connected: ConnectedFlow) -> list[Impact]:
    """The impact of the present tables on each part of a flow, compared with the live target.

    Orders and statuses are sent once and never again. Their values are compared with those that the tables gave before.

    Raises:
        MappingError: names file, row and column.
        ConfigurationError: the ledger was kept for another target.
    """
    sending = sending_of(connected.flow)
    if sending.sends_once or not sending.compares_fields:
        return _beside_before(connected)
    settings, compiled = connected.settings, connected.checked()
    target = sending.open(settings)
    try:
        check_target(connected, sending, target)
        mapped = _mapped(connected, compiled)
        linked = links(connected.store)
        for found, part, rows in mapped:
            for row, decision in decide(part, settings, target, compiled[part.name], rows, linked):
                _count(found, row, decision)
    finally:
        target.close()
    return [found for found, _, _ in mapped]


def _beside_before(connected: ConnectedFlow) -> list[Impact]:
    """The impact on each part, compared with what the tables made of its records before."""
    impacts = []
    for found, _, rows in _mapped(connected, connected.checked()):
        found.same = found.mended = 0  # every record is in `rows` here, so that each is counted below
        for row in rows:
            _count_beside_before(found, row)
        impacts.append(found)
    return impacts


def _count_beside_before(found: Impact, row: Row) -> None:
    now = fields_of(row["creates"] or "{}")
    before = fields_of(row["before_creates"] or "{}")
    others = [name for name in now | before if now.get(name) != before.get(name)]
    breaks, is_new = bool(row["errors"]), row["before_creates"] is None
    found.broken += breaks
    found.created += not breaks and is_new
    found.changed += not breaks and not is_new and bool(others)
    found.same += not breaks and not others
    found.mended += row["broke_before"] and not breaks
    if breaks and not row["broke_before"]:
        found.breaks.update(_broken_rules(row))
    elif not is_new:
        found.fields.update(others)


def _mapped(connected: ConnectedFlow, compiled: Mapping[str, Compiled]) -> list[tuple[Impact, Part, list[Row]]]:
    """The records of each part that are still to be decided.

    Records that were sent as they are now need no decision. They are counted here, unless the flow sends once.
    """
    flow, staging, mapped = connected.flow, connected.staging, []
    once = sending_of(flow).sends_once
    with mapping_connection(connected) as connection:
        create_staging(connection, staging)
        ledger.create(connection)
        renew_table(connection, mapped_table(flow), MAPPED)
        lock_down(connection)
        for part in connected.parts:
            own = compiled[part.name]
            create_source_view(connection, part, own, staging.name, "true")  # of all windows
            fill_joined_tables(connection, own.steps, own.lookups)
            connection.execute(f"CREATE OR REPLACE TEMP TABLE impact AS {_rows(flow, part, own)}")
            counts = "SELECT count(*), count(*) FILTER (broke_before) FROM impact WHERE unchanged"
            same, mended = connection.execute(counts).fetchall()[0]
            rows = rows_of(connection, f"FROM impact WHERE {once} OR NOT unchanged ORDER BY _key")
            mapped.append((Impact(part.name, same=same, mended=mended), part, rows))
    return mapped


def _rows(flow: Flow, part: Part, compiled: Compiled) -> str:
    """SELECT of a part's records: as mapped now, as mapped before, and what the ledger knows of them."""
    return f"""
        SELECT
            '{part.name}' AS part, m.*, {KNOWN}, {UNCHANGED} AS unchanged,
            coalesce(len(before.errors) > 0, false) AS broke_before, before.creates AS before_creates
        FROM ({compiled.select}) AS m
        LEFT JOIN ledger AS l ON l.part = '{part.name}' AND l.key = m._key
        LEFT JOIN {quote(mapped_table(flow))} AS before ON before.part = '{part.name}' AND before._key = m._key"""


def _count(found: Impact, row: Row, decision: Decision) -> None:
    action = decision.action
    same = decision.reason == "UNCHANGED"
    skipped = action == "skip" and not same
    failed_already = row["broke_before"] or row["state"] == ledger.State.FAILED
    found.same += same
    found.skipped += skipped
    found.created += action == "create"
    found.changed += action == "update"
    found.held += action in ("conflict", "wait")
    found.broken += action == "fail"
    found.mended += row["broke_before"] and action != "fail" and not skipped
    if action == "update":
        found.fields.update(change["field"] for change in decision.changes)
    if action == "fail" and not failed_already:
        found.breaks.update(_reasons(row, decision))


def _broken_rules(row: Row) -> set[str]:
    return {f"{error['field']}: {error['rule']} (row {error['row']})" for error in row["errors"]}


def _reasons(row: Row, decision: Decision) -> set[str]:
    """Why a record would fail, in words that are the same for all records with that cause."""
    if decision.reason == "MAPPING":
        return _broken_rules(row)
    if decision.reason == "RELATION_MISSING":  # its message names the missing code
        return {str(decision.message)}
    return {str(decision.reason)}
