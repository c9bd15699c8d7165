"""The dimension sets of documents and lines: what default dimensions give, and what goes on when a document is posted.

In AL: DimensionManagement, CreateDim of Sales Header and Sales Line. A header has the default dimensions of its
bill-to customer, a line has those of its header and of its item. Where both have a dimension, the header's value
stays, because a new company has no default dimension priorities.
"""

from ...records import Record
from ..data.company import Company
from ..data.values import is_zero

Set = dict[str, Record]  # the fields that a dimension set line has of itself, by the id of the dimension
LINE_FIELDS = ("id", "code", "displayName", "valueId", "valueCode", "valueDisplayName")


def default_set(company: Company, parent_id: str) -> Set:
    """The dimensions that a customer or an item gives. A default dimension without a value gives none."""
    found = {}
    for one in company.all("defaultDimensions", "parentId", parent_id):
        dimension = company.get("dimensions", one["dimensionId"])
        value = company.get("dimensionValues", one["dimensionValueId"])
        if dimension and value:
            own = {"id": dimension["id"], "code": dimension["code"], "displayName": dimension["displayName"]}
            own |= {"valueId": value["id"], "valueCode": value["code"], "valueDisplayName": value["displayName"]}
            found[dimension["id"]] = own
    return found


def dimension_set(company: Company, parent_id: str) -> Set:
    """The dimensions of a document or line."""
    lines = company.all("dimensionSetLines", "parentId", parent_id)
    return {line["id"]: {name: line[name] for name in LINE_FIELDS} for line in lines}


def fill_header(company: Company, header: str, document: Record) -> None:
    """Gives a new document of the entity set `header` the dimensions of its bill-to customer."""
    _add(company, header, document["id"], default_set(company, document["billToCustomerId"]))


def fill_line(company: Company, lines: str, line: Record) -> None:
    """Gives a new line the dimensions of its header and of its item."""
    _add(company, lines, line["id"], _set_of_line(company, line))


def fill_lines(company: Company, lines: str, document_id: str) -> None:
    """Gives all lines of a new document their dimensions. It costs nothing per line as long as nobody has any."""
    if dimension_set(company, document_id) or company.records.select("defaultDimensions", limit=1):
        for line in company.all(lines, "documentId", document_id):
            fill_line(company, lines, line)


def change_line(company: Company, lines: str, line: Record) -> None:
    """Gives a line the dimensions of its header and of its new item. Others that it had are gone."""
    _replace(company, lines, line["id"], _set_of_line(company, line))


def _set_of_line(company: Company, line: Record) -> Set:
    own = {} if is_zero(line["itemId"]) else default_set(company, line["itemId"])
    return own | dimension_set(company, line["documentId"])


def change_header(company: Company, header: str, lines: str, document: Record) -> None:
    """Gives a document the dimensions of its new bill-to customer, and its lines what changed (GetDeltaDimSetID)."""
    old, new = dimension_set(company, document["id"]), default_set(company, document["billToCustomerId"])
    if old == new:
        return
    _replace(company, header, document["id"], new)
    changed = {key: one for key, one in new.items() if old.get(key) != one}
    for line in company.all(lines, "documentId", document["id"]):
        before = dimension_set(company, line["id"])
        kept = {key: one for key, one in before.items() if key in new or key not in old}
        _replace(company, lines, line["id"], kept | changed)


def copy_set(company: Company, source_id: str, entity: str, target_id: str) -> None:
    """Gives a new record of the entity set `entity` the dimensions of the record from which it was made."""
    _add(company, entity, target_id, dimension_set(company, source_id))


def drop_set(company: Company, parent_id: str) -> None:
    """Deletes the dimensions of a document or line that is gone."""
    for line in company.all("dimensionSetLines", "parentId", parent_id):
        company.drop("dimensionSetLines", line)


def _replace(company: Company, entity: str, parent_id: str, dimensions: Set) -> None:
    drop_set(company, parent_id)
    _add(company, entity, parent_id, dimensions)


def _add(company: Company, entity: str, parent_id: str, dimensions: Set) -> None:
    kind = company.entity(entity).navigation["dimensionSetLines"].type
    for one in dimensions.values():
        company.add("dimensionSetLines", one | {"parentId": parent_id, "parentType": kind[1] if kind else ""})
