"""Answers to GET: pages of a collection, single records, navigation, `$expand`, `$count`."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from ...records import Record, dumps, loads
from ..data.company import Company
from ..data.refusal import dialog
from ..data.schema import EntitySet, Navigation, Where
from .filter import fixed_fields, to_sql
from .media import CONTENT, PARTS, links, part_of
from .paging import order, page
from .query import Options

LINES = ("documentId", "You must specify an Id or a Document Id to get the lines.")
NEEDS_PARENT = {
    "salesOrderLines": LINES,
    "salesInvoiceLines": LINES,
    "salesCreditMemoLines": ("documentId", "You must specify an id or a Document Id to get the lines."),
    "salesQuoteLines": LINES,
    "pictures": ("id", "You must get to the parent first to get to the picture."),
    "contactsInformation": ("relatedId", "id type not specified."),
    "dimensionSetLines": ("parentId", "You must get to the parent first to get to the dimension set line."),
    "attachments": ("parentId", "You must specify a parentId to get the attachments."),
    "pdfDocument": ("parentId", "You must specify a parentId in the request body."),
}


@dataclass(frozen=True)
class View:
    """What a reader looks at: the records of a company, the API's address that links begin with, and its sets."""

    company: Company
    base: str
    sets: Mapping[str, EntitySet]

    @property
    def below(self) -> str:
        return f"{self.base}/companies({self.company.id})"


def collection(view: View, entity: EntitySet, options: Options, where: Where, size: int) -> tuple[bytes, str]:
    """One page without its end, and the token of the next page (empty: there is none)."""
    found = _both(entity, options, where)
    top = options.top
    bodies, following = page(view.company.records, entity, options, found, size if top is None else min(size, top))
    if options.select or options.expand or entity.name in CONTENT:
        bodies = [dumps(shaped(view, entity, loads(body), options)).decode() for body in bodies]
    count = f'"@odata.count":{view.company.records.count(entity.name, *found)},' if options.count else ""
    context = json.dumps(f"{view.base}/$metadata#{entity.name}")
    content = f'{{"@odata.context":{context},{count}"value":[{",".join(bodies)}]'.encode()
    return content, following if top is None else ""  # no next link with $top (behaviour.md section 6)


def counted(company: Company, entity: EntitySet, options: Options, where: Where) -> int:
    """`/$count`."""
    return company.records.count(entity.name, *_both(entity, options, where))


def single(view: View, entity: EntitySet, record: Record, options: Options) -> Record:
    """One record as a client sees it."""
    return {"@odata.context": f"{view.base}/$metadata#{entity.name}/$entity"} | shaped(view, entity, record, options)


def shaped(view: View, entity: EntitySet, record: Record, options: Options) -> Record:
    """Selected fields, the addresses of content, and expanded records inside."""
    shown = links(record, entity, view.below) if entity.name in CONTENT else record
    if options.select:
        shown = {name: value for name, value in shown.items() if name.split("@")[0] in ("", *options.select)}
    for name, inner in options.expand.items():
        link = entity.navigation[name]
        target = view.sets[link.target]
        found = [shaped(view, target, row, inner) for row in related(view.company, target, record, link, inner)]
        shown = shown | {name: found if link.many else found[0] if found else None}
    return shown


def related(company: Company, target: EntitySet, record: Record, link: Navigation, options: Options) -> list[Record]:
    """The records that a navigation property leads to."""
    if link.target in PARTS and not link.many:
        return [part_of(company, link, record)]
    condition, values = _both(target, options, link_condition(record, link))
    most = -1 if options.top is None else options.top
    return company.records.select(link.target, condition, values, order(target, options), most, options.skip)


def _both(entity: EntitySet, options: Options, where: Where) -> Where:
    """The SQL of `$filter` and of where the collection stands."""
    rule = NEEDS_PARENT.get(entity.name)
    if rule and where[0] == EVERYWHERE[0] and not {rule[0], entity.key} & fixed_fields(options.filter):
        raise dialog(rule[1])
    condition, values = to_sql(options.filter, entity, options.newer_schema)
    return f"({condition}) AND ({where[0]})", [*values, *where[1]]


EVERYWHERE: Where = ("1", [])


def link_condition(record: Record, link: Navigation) -> Where:
    """SQL that finds what a navigation property of a record leads to."""
    if not link.own:
        return EVERYWHERE
    if link.when and record.get(link.when[0]) != link.when[1]:
        return "0", []
    condition, values = f"json_extract(body, '$.{link.other}') = ?", [record[link.own]]
    if link.type:
        condition += f" AND json_extract(body, '$.{link.type[0]}') = ?"
        values.append(link.type[1])
    return condition, values
