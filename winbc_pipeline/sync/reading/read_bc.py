"""Business Central as a source: pages of what changed, as rows for staging.

Here belongs: the filter, the fields that are asked for, the ends of what changed. How a document becomes rows: flows/.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from ...errors import UnreadableAnswer
from ...settings import Settings
from ...staging.load import StagingTable
from ...staging.store import Store
from ...systems.business_central import BusinessCentral, Result, entity_fields
from ...systems.business_central.client import dumps
from ...systems.exact_json import exact
from ..flow import Flow, Reading, Rows

MODIFIED = "lastModifiedDateTime"
NEVER = datetime(9000, 1, 1, tzinfo=UTC)  # since this moment nothing has changed
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

    def rows(
        _: Settings, __: Store, source: BusinessCentral, since: Mapping[str, datetime], wanted: frozenset[str]
    ) -> Iterator[tuple[str, Rows]]:
        fields = ",".join(sorted(wanted | {"id", "number", MODIFIED}))
        # That Business Central keeps `$orderby` over several pages is assumed.
        for page in changed(source, entity_set, since[entity_set], "", f"$orderby={MODIFIED}&$select={fields}"):
            yield entity_set, [{name: value for name, value in record.items() if "@" not in name} for record in page]

    return Reading(lambda _: {entity_set: ""}, rows, key=("number",), group="id")


def changed(
    source: BusinessCentral, entity_set: str, since: datetime, condition: str, query: str
) -> Iterator[list[dict[str, Any]]]:
    """Pages of the records of a set that changed at or after a moment. Their amounts are exact decimals.

    They are read from the primary database: a replica may not have what the companion app has told of.

    Args:
        since: NEVER where it is known that none has.
        condition: `$filter` on the records; may be empty.
        query: `$select`, `$expand` and `$orderby`.
    """
    path = f"{entity_set}?$filter={_since('ge', since, condition)}&{query}"
    for page in source.pages(path, DOCUMENTS_PER_PAGE, True) if since < NEVER else ():
        try:
            records = exact(page)
        except (ValueError, RecursionError):  # nested without end, or a number of thousands of digits
            hint = "Nothing of it was taken. Look at what stands between winbc and Business Central."
            raise UnreadableAnswer(f"A page of {entity_set} is no JSON that can be read.", hint) from None
        yield records


def as_lines(rows: list[dict[str, Any]]) -> bytes:
    """Rows as newline-delimited JSON, with exact amounts."""
    return b"\n".join(dumps(row) for row in rows)


def end_paths(sets: Mapping[str, str], since: datetime, order: str) -> list[str]:
    """Questions for the modification moment of one record of each set that changed after a moment.

    Business Central rounds moments, so the record of `since` itself may be among them.

    Args:
        order: `asc` for the oldest such record, `desc` for the newest.
    """
    conditions = {name: quote(_since("gt", since, condition)) for name, condition in sets.items()}
    return [
        f"{name}?$filter={condition}&$select={MODIFIED}&$top=1&$orderby={MODIFIED}%20{order}"
        for name, condition in conditions.items()
    ]


def moments_in(result: Result) -> list[datetime | None]:
    """The modification moment of each record in an answer, None for one that has none.

    Raises: UnreadableAnswer when there is no answer.
    """
    moments = [record.get(MODIFIED) for record in result.records]
    return [datetime.fromisoformat(moment).astimezone(UTC) if moment else None for moment in moments]


def changed_since(since: datetime, operator: str = "ge") -> str:
    """The `$filter` of what changed at or after a moment; after it with `gt`."""
    moment = since.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return f"{MODIFIED} {operator} {moment}"


def _since(operator: str, since: datetime, condition: str) -> str:
    changed = changed_since(since, operator)
    return f"{changed} and {condition}" if condition else changed
