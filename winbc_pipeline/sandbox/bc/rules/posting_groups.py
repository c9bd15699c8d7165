"""The posting groups of customers and items: how a record gets them, and that no document takes a record without them.

AL: Sales Header and Sales Line, TestField() on validation of the customer and the item. API v2.0 shows the groups of
items only, from version 19. The others are hidden fields: a record has the usual ones unless the company notes others.
"""

from ...records import Record
from ...setup_data import TEMPLATES
from ..data.company import Company
from ..data.refusal import must_have_value

CAPTIONS = {
    "generalBusinessPostingGroupCode": "Gen. Bus. Posting Group",
    "customerPostingGroupCode": "Customer Posting Group",
    "generalProductPostingGroupCode": "Gen. Prod. Posting Group",
    "inventoryPostingGroupCode": "Inventory Posting Group",
}
TABLES = {"customers": "Customer", "items": "Item"}


def is_hidden(company: Company, entity: str, field: str) -> bool:
    """Whether a field is a posting group of the entity set's records that the API does not show."""
    return field in TEMPLATES.get(entity, {}) and field not in company.entity(entity).fields


def keep(company: Company, entity: str, record: Record, given: Record) -> None:
    """Notes the hidden posting groups of a new record, which has those of `given` and no others."""
    groups = {name: given.get(name, "") for name in TEMPLATES[entity] if is_hidden(company, entity, name)}
    if any(TEMPLATES[entity][name] != code for name, code in groups.items()):
        company.hide(entity, record["id"], groups)


def check(company: Company, entity: str, record: Record, field: str, place: str = "") -> None:
    """Refuses a customer or an item that lacks a posting group.

    `place` is the record that AL tests, in its words. Without it, that is the customer or the item itself.
    """
    groups = record if field in record else TEMPLATES[entity] | company.hidden(entity, record["id"])
    if not groups[field]:
        raise must_have_value(CAPTIONS[field], place or f"{TABLES[entity]}: No.={record['number']}")


def check_item(company: Company, item: Record) -> None:
    """Refuses an item without posting groups. Only one of type Inventory needs an inventory posting group."""
    check(company, "items", item, "generalProductPostingGroupCode")
    if item["type"] == "Inventory":
        check(company, "items", item, "inventoryPostingGroupCode")
