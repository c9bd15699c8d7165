"""What a flow needs in Business Central before its first run: codes and numbers that its tables give, debtors and
accounts that the settings name. `winbc check` asks; nothing is written.

Posting groups and templates are not in API v2.0: what lacks there is told by probe.py, or by the first document.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ..errors import ConfigurationError
from ..mapping.compiler import Compiled
from ..settings import Settings
from ..sync.connected import ConnectedFlow
from ..sync.payloads import is_blank
from ..sync.records.references import IdsByCode
from ..systems.business_central import BusinessCentral
from .table_values import LineObject, codes_of, line_objects

Record = dict[str, Any]
# Fields that take a code as it stands, and the entity set that has it.
SETS_BY_FIELD = {"taxCode": "taxGroups", "currencyCode": "currencies", "salesperson": "salespeoplePurchasers"}
SETS_BY_KIND = {"Item": "items", "Account": "accounts"}  # API v2.0 lists no other kind of what a line may be about
NO_ID = "00000000-0000-0000-0000-000000000000"
ORDER_DATE = re.compile(r"to_datetime\(\s*orderdate\s*,\s*'([^']*)'")
OPEN = (None, "", "_x0020_", False)  # values of `blocked`
OF_THE_CUSTOMER = {"paymentMethodId": "payment method", "paymentTermsId": "payment terms"}


@dataclass(frozen=True)
class Ready:
    """What was looked at, in words, and what is no mistake and may still surprise."""

    looked_at: str
    warnings: tuple[str, ...] = ()


def check_ready(connected: ConnectedFlow, target: BusinessCentral) -> Ready:
    """Raises ConfigurationError naming everything that is missing."""
    flow, settings, compiled = connected.flow, connected.settings, connected.compiled()
    tables = [(part.table, compiled[part.name]) for part in connected.parts]
    asked = _Asked(target, [each for _, table in tables for each in line_objects(table)])
    problems, warned = list(_missing_codes(tables, asked)), list[str]()
    for table, each in tables:
        for one in line_objects(each):
            place = f"{table} row lineObjectNumber ({one.place})"
            problems += [f"{place}: {problem}" for problem in asked.wrong_with(one)]
            warned += [f"{place}: {one.number} cannot be checked: {_unlisted(one)}"] if not asked.lists(one) else []
    if flow.document:
        debtors = _debtors(settings, target)
        problems += [*_wrong_debtors(debtors), *_wrong_rounding(settings, target)]
        header = compiled[flow.document.kind(settings).header]
        warned += [*_of_debtors(debtors, header), *_other_zones(header, settings)]
    if problems:
        raise ConfigurationError("; ".join(problems), "Add it in Business Central, or mend the table or setting.")
    words = "codes of the lookup tables"
    return Ready(words + (", accounts, debtors of the settings" if flow.document else ""), tuple(warned))


def needs_app(connected: ConnectedFlow) -> Iterator[str]:
    """Rows of the tables that fill what the target takes only with the companion app, in words."""
    flow = connected.flow
    for part, compiled in connected.checked().items():
        for row in compiled.targets:
            if row.facts.needs_app:
                place = f"{flow.id}/{flow.part(part).table} row {row.line.row}"
                words = "needs the companion app, which is off; orders that fill it fail with NEEDS_APP"
                yield f"{place}: {row.facts.name} {words}"


class _Asked:
    """What Business Central has, each thing asked for once."""

    def __init__(self, target: BusinessCentral, objects: Iterable[LineObject]) -> None:
        self.target, self.codes, self.objects = target, IdsByCode(target), tuple(objects)

    @cached_property
    def own_currency(self) -> set[str]:
        """The company's own currency is in no list: documents in it have none."""
        return {str(each.get("localCurrencyCode") or "").upper() for each in self.target.get("generalLedgerSetup")}

    @cached_property
    def numbered(self) -> dict[str, dict[str, list[Record]]]:
        """Items and accounts that lines may be about, by kind and number."""
        return {
            kind: self.target.find(
                entity_set, "number", {each.number for each in self.objects if kind in each.kinds}, False
            )
            for kind, entity_set in SETS_BY_KIND.items()
        }

    def lacks(self, entity_set: str, code: str) -> bool:
        own = self.own_currency if entity_set == "currencies" else set()
        return bool(code) and code.upper() not in {*self.codes[entity_set], *own}

    def lists(self, one: LineObject) -> bool:
        """Whether API v2.0 can tell whether it is there."""
        return bool(one.kinds & set(SETS_BY_KIND))

    def wrong_with(self, one: LineObject) -> list[str]:
        """Why a line cannot be about it, in words; nothing when it can in one of its kinds."""
        found = {kind: self.numbered[kind].get(one.number, []) for kind in SETS_BY_KIND if kind in one.kinds}
        there = [(kind, record) for kind, records in found.items() for record in records]
        if self.lists(one) and one.kinds <= set(SETS_BY_KIND) and not there:
            return [f"there is no {' or '.join(kind.lower() for kind in sorted(found))} {one.number}"]
        wrong = [f"{kind.lower()} {one.number} {_unusable(record)}" for kind, record in there if _unusable(record)]
        return wrong if len(wrong) == len(there) else []


def _missing_codes(tables: Iterable[tuple[str, Compiled]], asked: _Asked) -> Iterator[str]:
    for table, compiled in tables:
        for row in compiled.targets:
            entity_set = row.facts.reference or SETS_BY_FIELD.get(row.facts.name)
            for place, codes in codes_of(row, compiled) if entity_set else ():
                if gone := sorted(code for code in codes if asked.lacks(entity_set or "", code)):
                    yield f"{table} row {row.line.row}: {entity_set} has no {', '.join(gone)} ({place})"


def _unlisted(one: LineObject) -> str:
    return f"API v2.0 does not list what is a {' or a '.join(sorted(one.kinds)) or 'line of this kind'}"


def _unusable(record: Record) -> str:
    """Why an item or account takes no line; empty when it does."""
    if record.get("blocked") not in OPEN:
        return "is blocked"
    if record.get("accountType") not in (None, "", "Posting"):
        return "is no account that is posted to"
    return "takes no direct posting" if record.get("directPosting") is False else ""


def _debtors(settings: Settings, target: BusinessCentral) -> dict[str, Record | None]:
    """The default customers by number; None for one that is not there."""
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
    """What documents get from a default customer because no row of the table gives it."""
    filled = {row.facts.name for row in header.targets}
    for number, customer in debtors.items():
        lacking = [
            words
            for name, words in OF_THE_CUSTOMER.items()
            if customer and name not in filled and customer.get(name) in (None, "", NO_ID)
        ]
        if lacking:
            where = "it comes from the customer" if len(lacking) == 1 else "they come from the customer"
            yield f"the default customer {number} has no {' and no '.join(lacking)}; {where}, so documents have none"
        if customer and "currencyCode" not in filled and not is_blank(customer.get("currencyCode")):
            yield f"documents for the default customer {number} are in its currency, {customer['currencyCode']}"


def _other_zones(header: Compiled, settings: Settings) -> Iterator[str]:
    """Rows that read the order's date in another zone than the one by which its age is counted."""
    zone = settings.winstore.time_zone.key
    for row in header.targets if settings.orders.give_up_after_days else ():
        for named in ORDER_DATE.findall(row.line.source):
            if named != zone:
                words = f"the table reads the order's date in {named}, `winstore.time_zone` is {zone}"
                yield f"row {row.line.row}, {row.facts.name}: {words}"


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
