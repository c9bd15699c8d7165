"""The companion app of this project in the sandbox: its description, capabilities, and what its settings do.

The description is facts/companion_app.json, which the app in AL is compared with. What its order requests do:
companion_orders.py. Its stock: companion_stock.py. Each does what the AL object of the same purpose does.
"""

import json
import uuid
from collections.abc import Iterable
from decimal import Decimal
from importlib import resources
from typing import Any

from ...records import Record
from ..data.company import Company, amount
from ..data.refusal import dialog_error
from ..rules import posting
from .behaviours import Offered, behaviour, computation
from .description import App, read_description

SETUP = "winstoreSetup"  # notes of the page Winstore Setup
# The fields that a customer template gives, in the sandbox: those of its own new customers.
GROUPS = {"customerPostingGroup": "DOMESTIC", "genBusPostingGroup": "DOMESTIC", "vatBusPostingGroup": "DOMESTIC"}


def companion_app(version: str = "", for_bc14: bool = False) -> App:
    """The companion app. An older `version` lacks the entity sets that came later; version 14 has a variant."""
    text = resources.files("winbc_pipeline.facts").joinpath("companion_app.json").read_text("utf-8")
    contract: dict[str, Any] = json.loads(text)
    contract["version"] = version or contract["version"]
    kept = {
        name: one | {"fields": _in_version(one["fields"], contract["version"])}
        for name, one in _in_version(contract["entities"], contract["version"]).items()
    }
    if for_bc14:
        kept = {name: _only(one, one["bc14"]) for name, one in kept.items() if one.get("bc14")}
    return read_description(contract | {"entities": kept})


def switch_sync_off(company: Company) -> None:
    """Does what Environment Cleanup does in a copied environment."""
    company.hide(SETUP, SETUP, {"syncOff": True})


def check_sync_on(company: Company) -> None:
    """Refuses what is not to be done in a copied environment."""
    if not is_sync_on(company):
        raise dialog_error("Synchronization with Winstore is switched off on the page Winstore Setup.")


def is_sync_on(company: Company) -> bool:
    """Whether the page Winstore Setup lets the company be kept in step."""
    return not company.hidden(SETUP, SETUP).get("syncOff")


@computation("winstore.capabilities")
def capabilities(company: Company, offered: Iterable[Offered]) -> list[Record]:
    """One row for each entity set of the app. AL: codeunit WINS Capabilities."""
    on = is_sync_on(company)
    return [
        {
            "id": str(uuid.uuid5(uuid.NAMESPACE_URL, one.name)),
            "entitySetName": one.name,
            "appVersion": one.version,
            "sinceVersion": one.since,
            "canRead": one.may_read,
            "canWrite": one.may_write,
            "syncEnabled": on,
        }
        for one in offered
    ]


@behaviour("winstore.applyTemplate")
def apply_template(company: Company, record: Record, arguments: Record) -> None:
    """Fills the posting groups that a customer lacks. AL: ApplyCustomerTemplate."""
    name = "connector.winstore.customerSettings"
    filled = {field: record[field] or code for field, code in GROUPS.items()}
    company.change(name, record | filled)


@behaviour("winstore.templateCode")
def template_code(company: Company, record: Record, arguments: Record) -> None:
    """Applies the template whose code a customer gets. What the same call gives stays."""
    apply_template(company, record, arguments)


@behaviour("winstore.nameOfCustomer")
def name_of_customer(company: Company, record: Record, sent: Record) -> None:
    """Gives a delivery address without a name that of its customer. AL: table Ship-to Address, OnInsert."""
    customer = company.find("customers", "number", record["customerNumber"]) or {}
    record["name"] = record["name"] or customer["displayName"]


@behaviour("winstore.release")
def release(company: Company, record: Record, arguments: Record) -> None:
    """Releases a sales order. One that is released stays so."""
    order = _order(company, record)
    if order["status"] == "Draft":
        posting.release(company, order)


@behaviour("winstore.ship")
def ship(company: Company, record: Record, arguments: Record) -> None:
    """Posts a shipment of the quantities to ship that stand on the lines."""
    order = _order(company, record)
    lines = company.all("salesOrderLines", "documentId", order["id"])
    posting.ship(company, order, {line["id"]: amount(line["shipQuantity"]) for line in lines})


@behaviour("winstore.shipUpTo")
def ship_up_to(company: Company, record: Record, arguments: Record) -> None:
    """Posts a shipment of what is wanted of each line less what was shipped of it. AL: codeunit WINS Order Shipping."""
    check_sync_on(company)
    order, given = _order(company, record), arguments["quantities"]
    wanted = (
        {one["sequence"]: amount(one["quantity"]) for one in json.loads(given, parse_float=Decimal)} if given else {}
    )
    left = {}
    for line in company.all("salesOrderLines", "documentId", order["id"]):
        in_all = wanted.get(line["sequence"], Decimal(0)) if given else amount(line["quantity"])
        left[line["id"]] = max(in_all - amount(line["shippedQuantity"]), Decimal(0))
    posting.ship(company, order, left)


def _order(company: Company, record: Record) -> Record:
    return company.get("salesOrders", record["id"]) or {}


def _in_version(described: dict[str, Any], version: str) -> dict[str, Any]:
    """The entity sets, or fields, that a version of the app has."""
    return {name: one for name, one in described.items() if _numbers(one.get("since", "0")) <= _numbers(version)}


def _only(entity: dict[str, Any], names: list[str]) -> dict[str, Any]:
    return entity | {"fields": {name: about for name, about in entity["fields"].items() if name in names}}


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
