"""Set-up records that are not deleted while others use them, each in the words of its table in AL.

Here belongs: units, categories, locations, currencies, tax areas, salespeople. Items, variants, customers and vendors:
masterdata.py. AL checks nothing for payment terms and methods, shipment methods, countries and tax groups: they may go.
"""

from collections.abc import Callable
from typing import Any

from ...records import Record
from ..data.company import Company, amount
from ..data.refusal import Refused, dialog_error
from ..odata.writing import RULES, Rules
from .masterdata import POSTED_STATES, WithAddress
from .stock import refresh_codes

Check = Callable[[Company, Record], None]


class InUse(Rules):
    """The rules of an entity set whose records are checked before they are deleted."""

    def __init__(self, check: Check) -> None:
        self.check = check

    def before_delete(self, company: Company, record: Record) -> None:
        self.check(company, record)


class Locations(InUse, WithAddress):
    """Locations, whose codes are in the rows of stock."""

    def after_modify(self, company: Company, record: Record, sent: Record) -> Record:
        if "code" in sent:
            for item_id in {row["itemId"] for row in company.all("stock", "locationId", record["id"])}:
                refresh_codes(company, company.get("items", item_id) or {})
        return record


def _unit(company: Company, unit: Record) -> None:
    """AL: Unit of Measure, OnDelete."""
    if company.find("items", "baseUnitOfMeasureId", unit["id"]):
        raise dialog_error("You cannot delete the unit of measure because it is assigned to one or more records.")


def _category(company: Company, category: Record) -> None:
    """AL: Item Category, UpdateDeletedCategoryItems. It asks a person, and a session of the API has none."""
    if company.find("items", "itemCategoryId", category["id"]):
        server = "Microsoft Dynamics 365 Business Central Server"
        question = f"One or more items belong to item category ''{category['code']}''.\\\\"
        question += "Do you want to delete the inherited item attributes for the items in question? "
        message = f"{server} attempted to issue a client callback to show a confirmation dialog box: {question}"
        raise Refused(
            400, "Application_CallbackNotAllowed", f"{message} Client callbacks are not supported on {server}."
        )


def _location(company: Company, location: Record) -> None:
    """AL: Location, WMSCheckWarehouse."""
    if any(amount(row["quantity"]) for row in company.all("stock", "locationId", location["id"])):
        message = f"You cannot delete {location['code']} because there are one or more ledger entries on this location."
        raise dialog_error(message)


def _currency(company: Company, currency: Record) -> None:
    """AL: Currency, OnDelete. Its exchange rates go with it."""
    if any(row["status"] == "Open" for row in _posted(company, "currencyId", currency["id"])):
        message = "There is one or more opened entries in the Cust. Ledger Entry table using Currency"
        raise dialog_error(f"{message} {currency['code']}.")
    for rate in company.all("currencyExchangeRates", "currencyCode", currency["code"]):
        company.drop("currencyExchangeRates", rate)


def _tax_area(company: Company, area: Record) -> None:
    """AL: Tax Area, IsTaxAreaInUse."""
    if company.find("customers", "taxAreaId", area["id"]):
        raise dialog_error("You cannot delete this tax rate because it is used on one or more existing documents.")


def _salesperson(company: Company, person: Record) -> None:
    """AL: Salesperson/Purchaser, OnDelete."""
    if _posted(company, "salesperson", person["code"]):
        message = f"The salesperson/purchaser {person['code']} cannot be deleted because customer ledger entries exist."
        raise dialog_error(message)


def _posted(company: Company, field: str, value: Any) -> list[Record]:
    """The posted sales documents with a value in a field."""
    rows = [row for entity in ("salesInvoices", "salesCreditMemos") for row in company.all(entity, field, value)]
    return [row for row in rows if row["status"] in POSTED_STATES]


RULES |= {
    "unitsOfMeasure": InUse(_unit),
    "itemCategories": InUse(_category),
    "locations": Locations(_location),
    "currencies": InUse(_currency),
    "taxAreas": InUse(_tax_area),
    "salespeoplePurchasers": InUse(_salesperson),
}
