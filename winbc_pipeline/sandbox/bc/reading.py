"""Answers to GET: pages of a collection, single records, navigation, `$expand`, `$count`."""

import json

from ..records import Record, dumps, loads
from .company import Company
from .filter import to_sql
from .query import Options
from .refusal import Refused, dialog
from .schema import EntitySet, Navigation

MAX_PAGE = 20_000
NEEDS_PARENT = {
    "salesOrderLines": ("documentId", "You must specify an Id or a Document Id to get the lines."),
    "salesInvoiceLines": ("documentId", "You must specify an Id or a Document Id to get the lines."),
    "salesCreditMemoLines": ("documentId", "You must specify an id or a Document Id to get the lines."),
    "salesQuoteLines": ("documentId", "You must specify an Id or a Document Id to get the lines."),
    "pictures": ("id", "You must get to the parent first to get to the picture."),
    "contactsInformation": ("relatedId", "id type not specified."),
    "dimensionSetLines": ("parentId", "You must specify a parent id to get the dimension set lines."),
    "attachments": ("parentId", "You must specify a document id to get the attachments."),
    "pdfDocument": ("parentId", "You must specify a document id to get the PDF document."),
}
Where = tuple[str, list[object]]


def page_size(prefer: str, most: int = MAX_PAGE) -> int:
    """Records per page by `Prefer: odata.maxpagesize`; more than the server's limit is not allowed."""
    wanted = [part for part in prefer.split(",") if "odata.maxpagesize" in part]
    if not wanted:
        return most
    value = wanted[0].partition("=")[2].strip()
    if not value.isdigit() or not 0 < int(value) <= MAX_PAGE:
        raise Refused(413, "BadRequest", f"The page size {value} is not between 1 and {MAX_PAGE}.")
    return min(int(value), most)


def collection(company: Company, entity: EntitySet, options: Options, size: int, url: str, where: Where) -> bytes:
    """One page; `url` is the collection's own address with its query, without `$skiptoken`."""
    condition, values = _both(entity, options, where)
    _needs_parent(entity, condition)
    top = options.top
    limit = size if top is None else min(size, top)
    if options.orderby or options.skip:
        offset = options.after or options.skip
        rows = company.records.texts(entity.name, condition, values, _order(options), limit + 1, offset)
        bodies, following = rows[:limit], offset + limit if len(rows) > limit else None
    else:
        bodies, following = company.records.page(entity.name, condition, values, options.after, limit)
    if options.select or options.expand:
        bodies = [dumps(shaped(company, entity, loads(body), options)).decode() for body in bodies]
    count = f'"@odata.count":{company.records.count(entity.name, condition, values)},' if options.count else ""
    link = ""
    if following is not None and top is None:  # no next link with $top (behaviour.md section 6)
        joint = "&" if "?" in url else "?"
        link = f',"@odata.nextLink":{json.dumps(f"{url}{joint}$skiptoken={following}")}'
    context = json.dumps(_context(url, entity.name))
    return f'{{"@odata.context":{context},{count}"value":[{",".join(bodies)}]{link}}}'.encode()


def counted(company: Company, entity: EntitySet, options: Options, where: Where) -> int:
    """`/$count`."""
    return company.records.count(entity.name, *_both(entity, options, where))


def single(company: Company, entity: EntitySet, record: Record, options: Options, base: str) -> Record:
    """One record as a client sees it."""
    return {"@odata.context": f"{base}/$metadata#{entity.name}/$entity"} | shaped(company, entity, record, options)


def shaped(company: Company, entity: EntitySet, record: Record, options: Options) -> Record:
    """Selected fields, and expanded records inside."""
    shown = record
    if options.select:
        shown = {name: value for name, value in record.items() if name in options.select or name == "@odata.etag"}
    for name, inner in options.expand.items():
        link = entity.navigation[name]
        target = company.entity(link.target)
        found = [shaped(company, target, row, inner) for row in related(company, record, link, inner)]
        shown = shown | {name: found if link.many else found[0] if found else None}
    return shown


def related(company: Company, record: Record, link: Navigation, options: Options | None = None) -> list[Record]:
    """The records that a navigation property leads to."""
    chosen = options or Options()
    condition, values = _both(company.entity(link.target), chosen, link_condition(record, link))
    most = -1 if chosen.top is None else chosen.top
    return company.records.select(link.target, condition, values, _order(chosen), most, chosen.skip)


def _both(entity: EntitySet, options: Options, where: Where) -> Where:
    """The SQL of `$filter` and of where the collection stands."""
    condition, values = to_sql(options.filter, entity, options.newer_schema)
    return f"({condition}) AND ({where[0]})", [*values, *where[1]]


def _order(options: Options) -> str:
    """The SQL of `$orderby`; what is equal comes as it was made."""
    ways = [f"json_extract(body, '$.{name}') {'DESC' if down else 'ASC'}" for name, down in options.orderby]
    return ", ".join([*ways, "seq"])


def link_condition(record: Record, link: Navigation) -> Where:
    """SQL that finds what a navigation property of a record leads to."""
    if link.when and record.get(link.when[0]) != link.when[1]:
        return "0", []
    condition, values = f"json_extract(body, '$.{link.other}') = ?", [record[link.own]]
    if link.type:
        condition += f" AND json_extract(body, '$.{link.type[0]}') = ?"
        values.append(link.type[1])
    return condition, values


def _needs_parent(entity: EntitySet, condition: str) -> None:
    rule = NEEDS_PARENT.get(entity.name)
    if rule and f"'$.{rule[0]}'" not in condition and f"'$.{entity.key}'" not in condition:
        raise dialog(rule[1])


def _context(url: str, name: str) -> str:
    return f"{url.split('/companies(')[0].split('?')[0]}/$metadata#{name}"
