"""Business Central as a source: pages of what changed, as rows for staging.

Here belongs: the filter, the fields that are asked for, the newest change. Which rows a document makes: flows/.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from ..staging.load import StagingTable
from ..systems.business_central import BusinessCentral, entity_fields
from ..systems.business_central.client import dumps
from .flow import Flow, Reading

MODIFIED = "lastModifiedDateTime"
DOCUMENTS_PER_PAGE = 1000


def staging_table(flow: Flow, reading: Reading) -> StagingTable:
    """The staging table of a flow that reads BC; the fields that no mapping table names stay empty in it."""
    return StagingTable(f"staging_{flow.staging}", source_kinds(flow), reading.key, MODIFIED, reading.group)


def source_kinds(flow: Flow) -> dict[str, str]:
    """Kind by name of all that a flow may read of BC: a line's fields begin with `line_`; and what it derives."""
    fields = {name: _kind(facts.kind) for name, facts in entity_fields(flow.entity).items()}
    if flow.lines:
        fields |= {f"line_{name}": _kind(facts.kind) for name, facts in entity_fields(flow.lines).items()}
    return {**fields, **flow.derived}


def _kind(kind: str) -> str:
    return {"integer": "decimal", "guid": "text"}.get(kind, kind)


def changed(
    source: BusinessCentral, entity_set: str, since: datetime, condition: str, query: str
) -> Iterator[list[dict[str, Any]]]:
    """Pages of a set's records changed at or after a moment, amounts exact; `query` holds $select and $expand."""
    path = f"{entity_set}?$filter={_since('ge', since, condition)}&{query}"
    for page in source.pages(path, DOCUMENTS_PER_PAGE):
        yield json.loads(page, parse_float=Decimal)


def as_lines(rows: list[dict[str, Any]]) -> bytes:
    """Newline-delimited JSON, amounts exact."""
    return b"\n".join(dumps(row) for row in rows)


def newest_change(
    source: BusinessCentral, sets: Mapping[str, str], since: datetime
) -> tuple[datetime | None, date | None]:
    """The newest modification moment after `since`, and the first window that holds one: two records a set are read."""
    newest = [moment for name, condition in sets.items() if (moment := _end(source, name, since, condition, "desc"))]
    if not newest:
        return None, None
    oldest = [moment for name, condition in sets.items() if (moment := _end(source, name, since, condition, "asc"))]
    return max(newest), min([*oldest, max(newest)]).date()


def _end(source: BusinessCentral, entity_set: str, since: datetime, condition: str, order: str) -> datetime | None:
    query = f"$select={MODIFIED}&$orderby={MODIFIED} {order}&$top=1"
    found = source.get(f"{entity_set}?$filter={_since('gt', since, condition)}&{query}")
    moment = datetime.fromisoformat(found[0][MODIFIED]).astimezone(UTC) if found else None
    return moment if moment and moment > since else None  # BC rounds: it may find the last one again


def _since(operator: str, since: datetime, condition: str) -> str:
    moment = since.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return f"{MODIFIED} {operator} {moment}{f' and {condition}' if condition else ''}"
