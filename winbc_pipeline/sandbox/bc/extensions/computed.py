"""Entity sets whose records are worked out when they are read: API queries, and pages over temporary tables.

Here belongs: how the rows get into the store, which filters, sorts and pages them. What they are: companion*.py.
"""

import hashlib

from ...records import Record, dumps
from ..data.company import Company, with_etag
from ..data.schema import EntitySet

DIGESTS = "computed"  # notes of what was stored last, by entity set


def refresh(company: Company, entity: EntitySet, rows: list[Record]) -> None:
    """Stores the rows in place of those that were worked out before.

    Rows that did not change stay: a client that reads them page by page must not get them twice.
    """
    digest = hashlib.sha256(dumps(rows)).hexdigest()
    if company.records.get(DIGESTS, entity.name) == {"digest": digest}:
        return
    empty = company.empty(entity.name)
    company.records.replace_all(entity.name, (_stored(entity, empty | row, place) for place, row in enumerate(rows)))
    company.records.put(DIGESTS, entity.name, dumps({"digest": digest}).decode())


def _stored(entity: EntitySet, row: Record, place: int) -> tuple[str, Record]:
    """A row with the id under which it is stored. The rows of a query have neither id nor ETag."""
    return (str(row["id"]), with_etag(row)) if entity.key == "id" else (str(place), row)
