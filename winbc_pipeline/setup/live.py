"""What both systems have now, as choices for the questions of step 4.

Of Winstore only the first records since the first day of history are looked at: they show the usual rates and methods,
and `winbc check` names the values that come later and have no row.
"""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, time
from decimal import Decimal, InvalidOperation
from itertools import islice
from typing import Any

from ..settings import Settings
from ..systems.business_central import BusinessCentral
from ..systems.winstore import Winstore
from .questions import Choice

PAGES = 2  # of Winstore's answers that are looked at
MOST = 20  # choices that are shown
ROUNDING = ("round", "rund", "afrond", "arrond")  # in English, German, Dutch, French


def tax_codes(settings: Settings) -> list[Choice]:
    """The tax codes (`taxGroups`) of the company."""
    return [_choice(each, "code") for each in _of_bc(settings, "taxGroups?$select=code,displayName")]


def accounts(settings: Settings) -> list[Choice]:
    """The accounts to which documents can post; those whose name is about rounding first."""
    found = _of_bc(settings, "accounts?$select=number,displayName,accountType,directPosting,blocked")
    open_ones = [each for each in found if each.get("directPosting") and each.get("blocked") in (None, False)]
    posted = [each for each in open_ones if each.get("accountType") in (None, "", "Posting")]
    posted.sort(key=lambda each: not any(word in str(each["displayName"]).lower() for word in ROUNDING))
    return [_choice(each, "number") for each in posted]


def debtors(settings: Settings) -> list[Choice]:
    """Some customers that are companies: a default debtor, such as counter sales, is no person."""
    wanted = f"customers?$filter=type eq 'Company'&$select=number,displayName&$top={MOST}"
    return [_choice(each, "number") for each in _of_bc(settings, wanted)]


def has_customer(settings: Settings, number: str) -> bool:
    """Whether Business Central has a customer with a number."""
    with closing(BusinessCentral(settings)) as target:
        return bool(target.find("customers", "number", {number}, False))


def rates(settings: Settings) -> list[str]:
    """The VAT rates of articles and orders in Winstore, in per cent, the highest first."""
    seen = {*_seen(settings, "articles", "vatrate"), *_seen(settings, "orders", "vatrate")}
    numbers = {number for text in seen if (number := _number(text)) is not None}
    return [format(number.normalize() + 0, "f") for number in sorted(numbers, reverse=True)]


def shipping_methods(settings: Settings) -> list[str]:
    """The shipping methods of orders in Winstore."""
    return sorted(_seen(settings, "orders", "shippingmethod"))


def warehouses(settings: Settings) -> list[str]:
    """The warehouses in Winstore that have stock."""
    return sorted(_seen(settings, "stock", "warehouse"))


def _seen(settings: Settings, entity: str, field: str) -> set[str]:
    since = datetime.combine(settings.history_start, time.min, UTC)
    with closing(Winstore(settings)) as source:
        pages = islice(source.changed_since(entity, since), PAGES)
        return {str(row[field]).strip() for page in pages for row in page if row.get(field) not in (None, "")}


def _number(text: str) -> Decimal | None:
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def _of_bc(settings: Settings, path: str) -> Iterator[dict[str, Any]]:
    with closing(BusinessCentral(settings)) as target:
        yield from target.get(path)


def _choice(record: dict[str, Any], key: str) -> Choice:
    return Choice(str(record[key]), str(record.get("displayName") or ""))
