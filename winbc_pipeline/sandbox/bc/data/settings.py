"""What a person sets up in the client and API v2.0 does not show: Inventory Setup, item units, blocked variants.

Here belongs: which settings there are, how `POST /__seed` writes them, and how rules read them. What follows from a
setting belongs to rules/.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from ...records import Record, dumps
from .company import Company

SETTINGS: dict[str, dict[str, type]] = {  # the settings of a record of each entity set, with their types
    "companies": dict.fromkeys(("locationMandatory", "variantMandatoryIfExists", "preventNegativeInventory"), bool),
    "items": {"salesBlocked": bool, "purchasingBlocked": bool, "units": dict},
    "itemVariants": {"blocked": bool, "salesBlocked": bool, "purchasingBlocked": bool},
    "customers": {
        "privacyBlocked": bool,
        "invoiceDiscounts": list,
        # The posting groups, which a person fills in (rules/posting_groups.py).
        "generalBusinessPostingGroupCode": str,
        "customerPostingGroupCode": str,
    },
    "dimensions": {"blocked": bool},
    "dimensionValues": {"blocked": bool},
}
POST_CODE = ("code", "city", "county", "country")


def inventory_setup(company: Company) -> Record:
    """The Inventory Setup of the company. A setting that nobody chose is not in it."""
    return company.hidden("companies", company.id)


def change_settings(company: Company, entity: str, record: Record, changes: Record) -> None:
    """Sets some settings of a record, which `Company.hidden` gives. The others stay."""
    label = record.get("number") or record.get("code") or record.get("name")
    company.hide(entity, record["id"], {"record": label} | company.hidden(entity, record["id"]) | changes)


def seed_settings(company: Company, asked: Record) -> None:
    """Sets what `POST /__seed` `{"settings": …}` names. Raises ValueError, and then nothing is set.

    `inventorySetup` holds settings. Each entity set holds the settings of its records by number or code. Variants go by
    `ITEM/VARIANT`, dimension values by `DIMENSION/VALUE`. `postCodes` is a list of rows.
    """
    with company.transaction():
        for name, rows in asked.items():
            if name == "postCodes":
                _add_post_codes(company, rows)
            elif name == "inventorySetup":
                _set(company, "companies", company.get("companies", company.id) or {}, rows)
            elif name in SETTINGS and name != "companies":
                for key, row in _object(name, rows).items():
                    _set(company, name, _named(company, name, key), row)
            else:
                raise ValueError(f"There are no settings of {name}.")


def _object(name: str, value: Any) -> Record:
    if not isinstance(value, dict):
        raise ValueError(f"{name} is a JSON object.")
    return value


def _named(company: Company, entity: str, key: str) -> Record:
    """The record that a person knows by a number or code."""
    first, _, second = key.partition("/")
    if entity == "itemVariants":
        owner, rows = "itemNumber", company.all("itemVariants", "code", second)
        found = next((row for row in rows if row[owner] == first), None)
    elif entity == "dimensionValues":
        dimension = company.find("dimensions", "code", first) or {"id": ""}
        rows = company.all("dimensionValues", "code", second)
        found = next((row for row in rows if row["dimensionId"] == dimension["id"]), None)
    else:
        found = company.find(entity, "code" if entity == "dimensions" else "number", key)
    if not found:
        raise ValueError(f"{entity} has no record {key}.")
    return found


def _set(company: Company, entity: str, record: Record, row: Any) -> None:
    known = SETTINGS[entity]
    for name, value in _object(entity, row).items():
        if not isinstance(value, known.get(name, type(None))):
            raise ValueError(f"{name} is no setting of {entity}, or its value has the wrong type.")
    checks: dict[str, Callable[[Company, Any], Any]] = {"units": _units, "invoiceDiscounts": _discounts}
    values = {name: checks[name](company, value) if name in checks else value for name, value in row.items()}
    change_settings(company, entity, record, values)
    if row.get("privacyBlocked"):  # AL: Customer, Privacy Blocked, OnValidate
        company.change("customers", record | {"blocked": "All"})


def _units(company: Company, units: Record) -> Record:
    """Quantities per unit by the ids of units, from quantities by the codes of units."""
    found = {code: company.find("unitsOfMeasure", "code", code) for code in units}
    missing = [code for code, unit in found.items() if not unit or not _is_positive(units[code])]
    if missing:
        raise ValueError(f"units has codes of units of measure and numbers above 0, unlike {missing[0]}.")
    return {unit["id"]: units[code] for code, unit in found.items() if unit}


def _discounts(_: Company, rows: list[Any]) -> list[Any]:
    names = {"minimumAmount", "discountPercent"}
    if not all(isinstance(row, dict) and set(row) == names and all(map(_is_number, row.values())) for row in rows):
        raise ValueError("invoiceDiscounts is a list of minimumAmount and discountPercent.")
    return rows


def _is_number(value: object) -> bool:
    return isinstance(value, int | Decimal) and not isinstance(value, bool) and 0 <= value < 10**9


def _is_positive(value: object) -> bool:
    return _is_number(value) and bool(value)


def _add_post_codes(company: Company, rows: Any) -> None:
    if not isinstance(rows, list) or not all(isinstance(row, dict) and set(row) <= set(POST_CODE) for row in rows):
        raise ValueError("postCodes is a list of code, city, county and country.")
    for row in rows:
        whole = {name: str(row.get(name, "")) for name in POST_CODE}
        key = "/".join(whole[name] for name in ("code", "city", "country"))
        company.records.put("postCodes", key, dumps(whole).decode())
