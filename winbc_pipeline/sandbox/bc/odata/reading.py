"""Answers to GET: pages of a collection, single records, navigation properties, `$expand` and `$count`."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from ...records import Record, dumps, loads
from ..data.company import Company
from ..data.refusal import dialog_error
from ..data.schema import EntitySet, Navigation, Where
from .filter import fields_fixed_by_eq, to_sql
from .media import CONTENT_PROPERTY, NO_PARENT, ONE_PER_PARENT, part_of, with_content_links
from .paging import order, page
from .query import Options

LINES = ("documentId", "You must specify an Id or a Document Id to get the lines.")
JOURNAL = ("journalId", "You must specify a journal batch ID or a journal ID to get a journal line.")
NEEDS_PARENT = {  # the field that a filter must fix, and BC's message if it does not
    "salesOrderLines": LINES,
    "salesInvoiceLines": LINES,
    "salesCreditMemoLines": ("documentId", "You must specify an id or a Document Id to get the lines."),
    "salesQuoteLines": LINES,
    "purchaseOrderLines": LINES,
    "pictures": ("parentType", NO_PARENT),
    "contactsInformation": ("relatedId", "id type not specified."),
    "dimensionSetLines": ("parentId", "You must get to the parent first to get to the dimension set line."),
    "attachments": ("parentId", "You must specify a parentId to get the attachments."),
    "pdfDocument": ("parentId", "You must specify a parentType in the request body."),
    "journalLines": JOURNAL,
    "customerPayments": JOURNAL,
}


@dataclass(frozen=True)
class View:
    """What a call reads: the records of a company as the entity sets `sets`. Links begin with the address `base`."""

    company: Company
    base: str
    sets: Mapping[str, EntitySet]

    @property
    def below(self) -> str:
        """The address of the company."""
        return f"{self.base}/companies({self.company.id})"


def collection(view: View, entity: EntitySet, options: Options, where: Where, size: int) -> tuple[bytes, str]:
    """One page as JSON without its closing bracket, and the token of the next page (empty on the last one)."""
    condition = _combined_condition(entity, options, where)
    limit = size if options.top is None else min(size, options.top)
    bodies, token = page(view.company.records, entity, options, condition, limit)
    # Records are stored as the JSON that a client gets. A plain page is their texts joined, never parsed: that is fast.
    if options.select or options.expand or entity.name in CONTENT_PROPERTY:
        bodies = [dumps(shaped(view, entity, loads(body), options)).decode() for body in bodies]
    total = f'"@odata.count":{view.company.records.count(entity.name, *condition)},' if options.count else ""
    context = json.dumps(f"{view.base}/$metadata#{entity.public_name}")
    content = f'{{"@odata.context":{context},{total}"value":[{",".join(bodies)}]'.encode()
    return content, token if options.top is None else ""  # $top has no next link (behaviour.md section 6)


def count(company: Company, entity: EntitySet, options: Options, where: Where) -> int:
    """The answer to `/$count`."""
    return company.records.count(entity.name, *_combined_condition(entity, options, where))


def single(view: View, entity: EntitySet, record: Record, options: Options) -> Record:
    """One record as a client gets it."""
    context = f"{view.base}/$metadata#{entity.public_name}/$entity"
    return {"@odata.context": context} | shaped(view, entity, record, options)


def shaped(view: View, entity: EntitySet, record: Record, options: Options) -> Record:
    """The record with the selected fields only, the addresses of its content, and the expanded records inside."""
    shown = with_content_links(record, entity, view.below) if entity.name in CONTENT_PROPERTY else record
    if options.select:
        # An annotation belongs to the field before its @. Those of the record itself, as @odata.etag, always stay.
        wanted = ("", *options.select)
        shown = {name: value for name, value in shown.items() if name.split("@")[0] in wanted}
    for name, inner in options.expand.items():
        link = entity.navigation[name]
        target = view.sets[link.target]
        found = [shaped(view, target, row, inner) for row in related(view.company, target, record, link, inner)]
        one = found[0] if found else None
        shown = shown | {name: found if link.many else one}
    return shown


def related(company: Company, target: EntitySet, record: Record, link: Navigation, options: Options) -> list[Record]:
    """The records that a navigation property leads to."""
    if link.target in ONE_PER_PARENT and not link.many:
        return [part_of(company, link, record)]
    condition, values = _combined_condition(target, options, link_condition(record, link))
    most = -1 if options.top is None else options.top
    return company.records.select(link.target, condition, values, order(target, options), most, options.skip)


def _combined_condition(entity: EntitySet, options: Options, where: Where) -> Where:
    """The SQL of `$filter` together with the condition that the path sets. Raises Refused if a parent is missing."""
    needed = NEEDS_PARENT.get(entity.name)
    if needed and where[0] == NO_CONDITION[0]:
        parent_field, message = needed
        fixed = fields_fixed_by_eq(options.filter)
        # A picture has the id of its parent, and every parent type has one with that id.
        if not {parent_field, entity.key} & fixed or (entity.name == "pictures" and len(fixed) < 2):
            raise dialog_error(message)
    condition, values = to_sql(options.filter, entity, options.schema_2_1)
    return f"({condition}) AND ({where[0]})", [*values, *where[1]]


NO_CONDITION: Where = ("1", [])


def link_condition(record: Record, link: Navigation) -> Where:
    """The SQL condition for the records that a navigation property of a record leads to."""
    if not link.own:
        return NO_CONDITION
    if link.when and record.get(link.when[0]) != link.when[1]:
        return "0", []
    condition, values = f"json_extract(body, '$.{link.other}') = ?", [record[link.own]]
    if link.type:
        condition += f" AND json_extract(body, '$.{link.type[0]}') = ?"
        values.append(link.type[1])
    return condition, values
