"""What an edited mapping would do to everything that is staged: the next plan, counted. Writes nothing to the target.

Here belongs: counting. What becomes of a record is decided by plan.py, so that both always say the same.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from ..mapping.compiler import Compiled
from ..mapping.execute import prepare
from ..staging import ledger
from ..staging.load import create as create_staging
from ..staging.store import Row, lock_down, quote, renew_table, rows_of
from ..sync.connected import ConnectedFlow
from ..sync.dispatch import sending_of
from ..sync.flow import Flow, Part
from ..sync.map import KNOWN, MAPPED, UNCHANGED, mapped_table, mapping_connection, see_source
from ..sync.payloads import fields_of
from ..sync.records.decide import Decision, decide
from ..sync.records.plan import links
from ..sync.session import check_target


@dataclass
class Impact:
    """Records of one part, by what the next plan would do with them.

    Attributes:
        same: nothing would be written, the target has these very values.
        created: would be made in the target.
        changed: would be written again; `fields`: how often each field in these.
        held: wait for a person, or for a lost answer.
        broken: would fail; `breaks`: what for, in records that were not failing already.
        mended: broke a rule before and would not any more.
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
    """The impact of the tables as they are now on each part of a flow, beside the live target. Orders and statuses are
    sent once and never again: of them it counts the records whose values are others than they were.

    Raises: MappingError naming file, row and column; ConfigurationError when the ledger was kept for another target.
    """
    sending = sending_of(connected.flow)
    if sending.sends_once:
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
    """The records of each part beside what the tables made of them before."""
    impacts = []
    for found, _, rows in _mapped(connected, connected.checked()):
        found.same = found.mended = 0
        for row in rows:
            before, now = (fields_of(row[name] or "{}") for name in ("before_creates", "creates"))
            others = [name for name in now | before if now.get(name) != before.get(name)]
            found.broken += bool(row["errors"])
            found.created += not row["errors"] and row["before_creates"] is None
            found.changed += not row["errors"] and row["before_creates"] is not None and bool(others)
            found.same += not row["errors"] and not others
            found.mended += row["broke_before"] and not row["errors"]
            if row["errors"] and not row["broke_before"]:
                found.breaks.update(_broken_rules(row))
            elif row["before_creates"] is not None:
                found.fields.update(others)
        impacts.append(found)
    return impacts


def _mapped(connected: ConnectedFlow, compiled: Mapping[str, Compiled]) -> list[tuple[Impact, Part, list[Row]]]:
    """The records of each part that are to be decided; those that were sent as they are now are counted at once."""
    flow, staging, mapped = connected.flow, connected.staging, []
    with mapping_connection(connected) as connection:
        create_staging(connection, staging)
        ledger.create(connection)
        renew_table(connection, mapped_table(flow), MAPPED)
        lock_down(connection)
        for part in connected.parts:
            see_source(connection, part, compiled[part.name], staging.name, "true")
            prepare(connection, compiled[part.name].steps, compiled[part.name].lookups)
            connection.execute(f"CREATE OR REPLACE TEMP TABLE impact AS {_rows(flow, part, compiled[part.name])}")
            same, mended = connection.execute(
                "SELECT count(*), count(*) FILTER (broke_before) FROM impact WHERE unchanged"
            ).fetchall()[0]
            once = sending_of(flow).sends_once
            rows = rows_of(connection, f"FROM impact WHERE {once} OR NOT unchanged ORDER BY _key")
            mapped.append((Impact(part.name, same=same, mended=mended), part, rows))
    return mapped


def _rows(flow: Flow, part: Part, compiled: Compiled) -> str:
    return f"""
        SELECT
            '{part.name}' AS part, m.*, {KNOWN}, {UNCHANGED} AS unchanged,
            coalesce(len(before.errors) > 0, false) AS broke_before, before.creates AS before_creates
        FROM ({compiled.select}) AS m
        LEFT JOIN ledger AS l ON l.part = '{part.name}' AND l.key = m._key
        LEFT JOIN {quote(mapped_table(flow))} AS before ON before.part = '{part.name}' AND before._key = m._key"""


def _count(found: Impact, row: Row, decision: Decision) -> None:
    same = decision.reason == "UNCHANGED"
    skipped = decision.action == "skip" and not same
    found.same += same
    found.skipped += skipped
    found.created += decision.action == "create"
    found.changed += decision.action == "update"
    found.held += decision.action in ("conflict", "wait")
    found.broken += decision.action == "fail"
    found.mended += row["broke_before"] and decision.action != "fail" and not skipped
    if decision.action == "update":
        found.fields.update(change["field"] for change in decision.changes)
    if decision.action == "fail" and not row["broke_before"] and row["state"] != ledger.State.FAILED:
        found.breaks.update(_reasons(row, decision))


def _broken_rules(row: Row) -> set[str]:
    return {f"{error['field']}: {error['rule']} (row {error['row']})" for error in row["errors"]}


def _reasons(row: Row, decision: Decision) -> set[str]:
    """What a record fails for, in words that many records have in common."""
    if decision.reason == "MAPPING":
        return _broken_rules(row)
    return {str(decision.message if decision.reason == "RELATION_MISSING" else decision.reason)}
