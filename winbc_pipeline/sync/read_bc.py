"""Business Central as a source: pages of what changed, as rows for staging.

Here belongs: the filter, the fields that are asked for, the newest change. How a document becomes rows: flows/.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from ..settings import Settings
from ..staging.load import StagingTable
from ..systems.business_central import BusinessCentral, entity_fields
from ..systems.business_central.client import dumps
from .flow import Flow, Reading, Rows

MODIFIED = "lastModifiedDateTime"
DOCUMENTS_PER_PAGE = 1000


def staging_table(flow: Flow, reading: Reading) -> StagingTable:
    """The staging table of a flow that reads BC. Fields that no mapping table names stay empty."""
    return StagingTable(f"staging_{flow.staging}", source_kinds(flow), reading.key, MODIFIED, reading.group)


def source_kinds(flow: Flow) -> dict[str, str]:
    """Kind of each field that a flow may read of BC or derive, by name. Names of a line's fields begin with `line_`."""
    fields = {name: _kind(facts.kind) for name, facts in entity_fields(flow.entity).items()}
    if flow.lines:
        fields |= {f"line_{name}": _kind(facts.kind) for name, facts in entity_fields(flow.lines).items()}
    return {**fields, **flow.derived}


def _kind(kind: str) -> str:
    """The kind in which staging keeps a kind of BC."""
    return {"integer": "decimal", "guid": "text"}.get(kind, kind)


def records_of(entity_set: str) -> Reading:
    """How the plain records of an entity set are read: those that changed, with the wanted fields.

    A record is known by its number. One that gets another number counts as the same record, by its id.
    """

    def rows(_: Settings, source: BusinessCentral, since: datetime, wanted: frozenset[str]) -> Iterator[Rows]:
        fields = ",".join(sorted(wanted | {"id", "number", MODIFIED}))
        for page in changed(source, entity_set, since, "", f"$select={fields}"):
            yield [{name: value for name, value in record.items() if "@" not in name} for record in page]

    return Reading(lambda _: {entity_set: ""}, rows, key=("number",), group="id")


def changed(
    source: BusinessCentral, entity_set: str, since: datetime, condition: str, query: str
) -> Iterator[list[dict[str, Any]]]:
    """Pages of the records of a set that changed at or after a moment. Their amounts are exact decimals.

    Args:
        condition: `$filter` on the records; may be empty.
        query: `$select` and `$expand`.
    """
    path = f"{entity_set}?$filter={_since('ge', since, condition)}&{query}"
    for page in source.pages(path, DOCUMENTS_PER_PAGE):
        yield json.loads(page, parse_float=Decimal)


def as_lines(rows: list[dict[str, Any]]) -> bytes:
    """Rows as newline-delimited JSON, with exact amounts."""
    return b"\n".join(dumps(row) for row in rows)


def newest_change(
    source: BusinessCentral, sets: Mapping[str, str], since: datetime
) -> tuple[datetime | None, date | None]:
    """The newest modification moment after `since`, and the day (UTC) of the oldest one; (None, None) for no change.

    It reads at most two records of each set.
    """
    newest = _ends(source, sets, since, "desc")
    if not newest:
        return None, None
    oldest = _ends(source, sets, since, "asc")
    return max(newest), min([*oldest, max(newest)]).date()


def _ends(source: BusinessCentral, sets: Mapping[str, str], since: datetime, order: str) -> list[datetime]:
    """The first modification moment after `since` in each set that has one, in an order: asc or desc."""
    moments = (_end(source, name, since, condition, order) for name, condition in sets.items())
    return [moment for moment in moments if moment]


def _end(source: BusinessCentral, entity_set: str, since: datetime, condition: str, order: str) -> datetime | None:
    query = f"$select={MODIFIED}&$orderby={MODIFIED} {order}&$top=1"
    found = source.get(f"{entity_set}?$filter={_since('gt', since, condition)}&{query}")
    if not found:
        return None
    moment = datetime.fromisoformat(found[0][MODIFIED]).astimezone(UTC)
    return moment if moment > since else None  # BC rounds moments: `gt` may find the record of `since` itself


def _since(operator: str, since: datetime, condition: str) -> str:
    moment = since.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    changed_since = f"{MODIFIED} {operator} {moment}"
    return f"{changed_since} and {condition}" if condition else changed_since
