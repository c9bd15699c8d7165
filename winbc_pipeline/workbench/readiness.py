"""What a flow needs in Business Central before its first run. `winbc check` asks, and nothing is written.

These are the codes and numbers that the flow's tables give, and the customers and accounts that the settings name.
Posting groups and templates are not in API v2.0: probe.py shows what is missing. Without it, the first
document that is refused shows it.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any

from ..errors import ConfigurationError
from ..mapping.compiler import Compiled
from ..settings import Settings
from ..sync.connected import ConnectedFlow
from ..sync.documents.existing import INVOICE, LINES, ORDER
from ..sync.payloads import is_blank
from ..sync.records.beside import beside_of, dimensions_of
from ..sync.records.beside.dimensions import Dimensions
from ..sync.run import cents_off
from ..systems.business_central import BusinessCentral
from .tables.table_values import LineObject, codes_of, line_objects
from .tables.target_codes import TargetCodes, lacking

Record = dict[str, Any]
# The kinds of line whose numbers API v2.0 lists. A line may also be about a resource, a fixed asset or an item charge.
SETS_BY_KIND = {"Item": "items", "Account": "accounts"}
TAX_CODES = "tax_groups"  # the lookup table with the tax code of each rate
NEWEST = 50  # documents of each kind whose rates are looked at
NO_ID = "00000000-0000-0000-0000-000000000000"  # an id field without a value
ORDER_DATE = re.compile(r"to_datetime\(\s*orderdate\s*,\s*'([^']*)'")  # its second argument is a time zone
OPEN = (None, "", "_x0020_", False)  # values of `blocked` of what is not blocked
# What Business Central copies from the customer when a document does not name it.
OF_THE_CUSTOMER = {"paymentMethodId": "payment method", "paymentTermsId": "payment terms"}


@dataclass(frozen=True)
class CheckResult:
    """The result of a check that found nothing wrong.

    Attributes:
        looked_at: in words, what was checked.
        warnings: facts that are no mistake and may still surprise.
    """

    looked_at: str
    warnings: tuple[str, ...] = ()


def check_ready(connected: ConnectedFlow, target: BusinessCentral) -> CheckResult:
    """Whether Business Central has all that a flow's tables and settings name.

    Raises: ConfigurationError that names everything that is missing or blocked.
    """
    flow, settings, compiled = connected.flow, connected.settings, connected.compiled()
    tables = [(part.table, compiled[part.name]) for part in connected.parts]
    objects = [(table, each) for table, own in tables for each in line_objects(own)]
    asked = _Asked(target, [each for _, each in objects])
    gaps: list[str] = []
    problems = [each.words for each in lacking([own for _, own in tables], asked)]
    for part in connected.parts:
        own = compiled[part.name]
        problems += _missing_dimensions(own, dimensions_of(own, part, target))
        beside = beside_of(connected, own, part, target)
        gaps += [f"{part.table}: {gap}" for each in beside for gap in each.gaps()]
    try:
        flow.suits(settings, target)
    except ConfigurationError as error:
        problems.append(error.message.rstrip("."))
    warned = list(dict.fromkeys(gaps))
    for table, each in objects:
        place = f"{table} row lineObjectNumber ({each.place})"
        problems += [f"{place}: {problem}" for problem in asked.wrong_with(each)]
        if not asked.lists(each):
            warned.append(f"{place}: {each.number} cannot be checked: {_unlisted(each)}")
    if flow.document:
        debtors = _debtors(settings, target)
        problems += [*_wrong_debtors(debtors), *_wrong_rounding(settings, target)]
        header = compiled[flow.document.kind(settings).header]
        warned += [*_of_debtors(debtors, header), *_other_zones(header, settings), *_cents_off(connected)]
        warned += _other_rates(tables, target)
    if problems:
        raise ConfigurationError(f"{'; '.join(problems)}.", "Add it in Business Central, or mend the table or setting.")
    looked_at = "codes of the lookup tables"
    if flow.document:
        looked_at += ", accounts, debtors of the settings"
    return CheckResult(looked_at, tuple(warned))


def needs_app(connected: ConnectedFlow) -> Iterator[str]:
    """In words, the rows of the tables that fill a field which the target has only with the companion app."""
    flow = connected.flow
    for compiled in connected.checked().values():
        for row in compiled.targets:
            if row.facts.needs_app:
                place = f"{flow.id}/{row.line.place}"
                words = "needs the companion app; without it, orders that fill it fail with NEEDS_APP"
                yield f"{place}: {row.facts.name} {words}"


class _Asked(TargetCodes):
    """What Business Central has. Each list is asked for once, and only when somebody needs it."""

    def __init__(self, target: BusinessCentral, objects: Iterable[LineObject]) -> None:
        super().__init__(target)
        self.objects = tuple(objects)

    @cached_property
    def numbered(self) -> dict[str, dict[str, list[Record]]]:
        """The items and accounts that lines may be about, by kind and number."""
        found = {}
        for kind, entity_set in SETS_BY_KIND.items():
            numbers = {each.number for each in self.objects if kind in each.kinds}
            found[kind] = self.target.find(entity_set, "number", numbers, False)
        return found

    def lists(self, one: LineObject) -> bool:
        """Whether API v2.0 lists any of the kinds that the number may be of."""
        return bool(one.kinds & set(SETS_BY_KIND))

    def wrong_with(self, one: LineObject) -> list[str]:
        """Why no line can be about the number, in words. Empty when a line can be in one of the kinds."""
        listed = [kind for kind in SETS_BY_KIND if kind in one.kinds]
        there = [(kind, record) for kind in listed for record in self.numbered[kind].get(one.number, [])]
        all_listed = one.kinds <= set(SETS_BY_KIND)
        if listed and all_listed and not there:
            kinds = " or ".join(kind.lower() for kind in sorted(listed))
            return [f"there is no {kinds} {one.number}"]
        wrong = []
        for kind, record in there:
            if reason := _unusable(record):
                wrong.append(f"{kind.lower()} {one.number} {reason}")
        return wrong if len(wrong) == len(there) else []


def _missing_dimensions(compiled: Compiled, dimensions: Dimensions | None) -> Iterator[str]:
    """In words, the dimensions and values that rows of a table name and Business Central does not have."""
    for row in compiled.targets if dimensions else ():
        if not dimensions or row.facts.name not in dimensions.known:
            continue
        there = dimensions.known[row.facts.name]
        if not there.id:
            yield f"{row.line.place}: there is no {row.facts.name.replace('.', ' ')}"
            continue
        for place, codes in codes_of(row, compiled):
            if gone := sorted(code for code in codes if code and code.upper() not in there.values):
                yield f"{row.line.place}: {row.facts.name.replace('.', ' ')} has no {', '.join(gone)} ({place})"


def _unlisted(one: LineObject) -> str:
    kinds = " or a ".join(sorted(one.kinds)) or "line of this kind"
    return f"API v2.0 does not list what is a {kinds}"


def _unusable(record: Record) -> str:
    """Why no line can be about an item or account; empty when one can."""
    if record.get("blocked") not in OPEN:
        return "is blocked"
    if record.get("accountType") not in (None, "", "Posting"):
        return "is no account that is posted to"
    return "takes no direct posting" if record.get("directPosting") is False else ""


def _debtors(settings: Settings, target: BusinessCentral) -> dict[str, Record | None]:
    """The default customers of the settings, by number; None for one that Business Central does not have."""
    orders = settings.orders
    numbers = sorted({orders.default_customer, *orders.default_customers_by_country.values()} - {""})
    there = target.find("customers", "number", numbers, False)
    return {number: there[number][0] if number in there else None for number in numbers}


def _wrong_debtors(debtors: dict[str, Record | None]) -> Iterator[str]:
    for number, customer in debtors.items():
        if customer is None:
            yield f"the default customer {number} is not there"
        elif customer.get("blocked") not in OPEN:
            yield f"the default customer {number} is blocked"


def _of_debtors(debtors: dict[str, Record | None], header: Compiled) -> Iterator[str]:
    """Warnings about what documents get from a default customer, because no row of the table gives it."""
    filled = {row.facts.name for row in header.targets}
    from_the_customer = {name: words for name, words in OF_THE_CUSTOMER.items() if name not in filled}
    for number, customer in debtors.items():
        if customer is None:
            continue
        lacking = [name for name in from_the_customer if customer.get(name) in (None, "", NO_ID)]
        if lacking:
            what = " and no ".join(from_the_customer[name] for name in lacking)
            where = "it comes from the customer" if len(lacking) == 1 else "they come from the customer"
            yield f"the default customer {number} has no {what}; {where}, so documents have none"
        if "currencyCode" not in filled and not is_blank(customer.get("currencyCode")):
            yield f"documents for the default customer {number} are in its currency, {customer['currencyCode']}"


def _other_zones(header: Compiled, settings: Settings) -> Iterator[str]:
    """Warnings about rows that read the order's date in another time zone than the one that its age is counted in."""
    if not settings.orders.give_up_after_days:
        return
    zone = settings.winstore.time_zone.key
    for row in header.targets:
        for named in ORDER_DATE.findall(row.line.source):
            if named != zone:
                words = f"the table reads the order's date in {named}, `winstore.time_zone` is {zone}"
                yield f"row {row.line.row}, {row.facts.name}: {words}"


def _other_rates(tables: Iterable[tuple[str, Compiled]], target: BusinessCentral) -> Iterator[str]:
    """Warnings about VAT rates whose tax code has other rates on the newest documents of Business Central.

    Neither `taxGroups` nor `taxAreas` of API v2.0 has a rate. A code may have several: they go by the customer too.
    """
    codes = {code: rate for _, own in tables for rate, code in own.lookups.get(TAX_CODES, {}).items() if code}
    rates: dict[str, set[Decimal]] = {}
    for place in (ORDER, INVOICE):
        newest = f"{place}?$orderby=lastModifiedDateTime desc&$top={NEWEST}&$select=id"
        for document in target.get(f"{newest}&$expand={LINES[place]}($select=taxCode,taxPercent)") if codes else []:
            for line in document[LINES[place]]:
                rates.setdefault(line["taxCode"].upper(), set()).add(Decimal(line["taxPercent"]))
    for code, rate in codes.items():
        there = rates.get(code.upper(), set())
        if there and Decimal(rate) not in there:
            found = " and ".join(f"{each.normalize():f} %" for each in sorted(there))
            yield f"lookups/{TAX_CODES}.csv gives {code} for {rate} %; on documents in Business Central it has {found}"


def _cents_off(connected: ConnectedFlow) -> Iterator[str]:
    """A warning that documents are cents away from Winstore's totals, while no account takes the cents."""
    off = [] if connected.settings.orders.rounding_account else cents_off(connected)
    if off:
        yield f"not Winstore's totals to the cent so far: {'; '.join(off)}; `orders.rounding_account` books such cents"


def _wrong_rounding(settings: Settings, target: BusinessCentral) -> Iterator[str]:
    number, code = settings.orders.rounding_account, settings.orders.rounding_tax_code
    accounts = target.find("accounts", "number", {number} - {""}, False)
    if number and number not in accounts:
        yield f"the rounding account {number} is not there"
    for account in accounts.get(number, []):
        if wrong := _unusable(account):
            yield f"the rounding account {number} {wrong}"
    if code and not target.find("taxGroups", "code", {code.upper()}, False):
        yield f"the rounding tax code {code} is not there"
