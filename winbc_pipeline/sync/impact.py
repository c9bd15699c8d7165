"""What an edited mapping would do to everything that is staged, beside what was sent last. Writes nothing."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from ..mapping.compiler import Compiled
from ..mapping.execute import prepare
from ..settings import Settings
from ..staging import ledger
from ..staging.load import create as create_staging
from ..staging.store import Row, lock_down, quote, renew_table
from ..systems.business_central import BusinessCentral
from .flow import Flow, Part
from .map import MAPPED, checked_flow, mapped_table, mapping_connection, see_source
from .plan import KNOWN, field_hashes, ids_by_code, with_payloads
from .stage import staging_table

AT_ONCE = 5000


@dataclass
class Impact:
    """Records of one part, by what would become of them.

    Attributes:
        same: sent already with these very values.
        unsent: not sent yet; the next run sends them anyway.
        changed: sent already, and would be written again.
        fields: how often each field would change in these.
        breaks: field and rule that a record would break, and did not before.
        mended: broke a rule before and would not any more.
    """

    part: str
    same: int = 0
    unsent: int = 0
    skipped: int = 0
    changed: int = 0
    mended: int = 0
    broken: int = 0
    fields: Counter[str] = field(default_factory=Counter)
    breaks: Counter[str] = field(default_factory=Counter)


def impact(flow: Flow, settings: Settings) -> list[Impact]:
    """The impact of the tables as they are now on each part of a flow; reads ids of codes from the target."""
    compiled = checked_flow(flow, settings)
    ids = _ids(settings, compiled)
    staging, found = staging_table(flow, settings), []
    with mapping_connection(flow, settings) as connection:
        create_staging(connection, staging)
        ledger.create(connection)
        renew_table(connection, mapped_table(flow), MAPPED)
        lock_down(connection)
        for part in flow.parts:
            each = Impact(part.name)
            see_source(connection, part, compiled[part.name], staging.name, "true")
            prepare(connection, compiled[part.name].steps, compiled[part.name].lookups)
            cursor = connection.execute(_rows(flow, part, compiled[part.name]))
            names = [column[0] for column in cursor.description or []]
            while rows := cursor.fetchmany(AT_ONCE):
                for row in rows:
                    _count(each, compiled[part.name], dict(zip(names, row, strict=True)), ids)
            found.append(each)
    return found


def _ids(settings: Settings, compiled: Mapping[str, Compiled]) -> dict[str, dict[str, str]]:
    sets = {entity_set for each in compiled.values() for entity_set in each.references.values()}
    if not sets:
        return {}
    target = BusinessCentral(settings)
    try:
        return ids_by_code(target, sets)
    finally:
        target.close()


def _rows(flow: Flow, part: Part, compiled: Compiled) -> str:
    return (
        f"SELECT m.*, {KNOWN}, coalesce(len(before.errors), 0) AS errors_before FROM ({compiled.select}) AS m "
        f"LEFT JOIN ledger AS l ON l.part = '{part.name}' AND l.key = m._key "
        f"LEFT JOIN {quote(mapped_table(flow))} AS before ON before.part = '{part.name}' AND before._key = m._key"
    )


def _count(found: Impact, compiled: Compiled, row: Row, ids: Mapping[str, Mapping[str, str]]) -> None:
    if row["skip_reason"]:
        found.skipped += 1
    elif row["errors"]:
        found.broken += 1
        if not row["errors_before"]:
            found.breaks.update({f"{error['field']}: {error['rule']} (row {error['row']})" for error in row["errors"]})
    elif missing := (whole := with_payloads(row, compiled, ids))["missing"]:
        found.broken += 1
        found.breaks.update({missing})
    else:
        found.mended += bool(row["errors_before"])
        fields = _changed(compiled, whole)
        if fields is None:
            found.unsent += 1
        else:
            found.same += not fields
            found.changed += bool(fields)
            found.fields.update(fields)


def _changed(compiled: Compiled, row: Row) -> list[str] | None:
    """Fields whose value is another one than was sent last; None for a record that was not sent yet."""
    if row["state"] != ledger.State.CONFIRMED:
        return None
    if row["sent_hash"] == row["hash"]:
        return []
    updates: dict[str, Any] = row["updates"]
    sent = orjson.loads(row["field_hashes"] or "{}")
    now = field_hashes({name: value for name, value in updates.items() if value is not None})
    return [name for name, value in now.items() if sent.get(name) != value and name not in compiled.fill_empty]
