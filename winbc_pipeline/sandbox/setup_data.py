"""The records with which a new company of the Business Central sandbox starts: countries, units, VAT rates and more.

Here belongs: set-up tables. Practice data of a retailer: retail.py.
"""

import uuid
from collections.abc import Iterator

from .records import Record

COMPANY_ID = "5c2a1f1e-7d3b-4b7e-9a51-0d6f2c0b1a01"
COMPANY_NAME = "CRONUS Retail"

COUNTRIES = (
    "AE AR AT AU BE BG BR CA CH CN CY CZ DE DK EE ES FI FR GB GR HR HU IE IN "
    "IS IT JP LT LU LV MX MT NL NO NZ PL PT RO RS SE SG SI SK TR UA US VE ZA"
).split()
# Per cent of each tax group.
VAT_RATES = {"VAT0": 0, "VAT9": 9, "VAT21": 21}

CODES: dict[str, tuple[tuple[str, str], ...]] = {
    "itemCategories": (("WINSTORE", "Articles from Winstore"),),
    "unitsOfMeasure": (("PCS", "Piece"), ("BOX", "Box"), ("KG", "Kilogram")),
    "paymentTerms": (("14 DAYS", "Net 14 days"), ("30 DAYS", "Net 30 days"), ("COD", "Cash on delivery")),
    "paymentMethods": (("BANK", "Bank transfer"), ("CARD", "Card"), ("CASH", "Cash"), ("PAYPAL", "PayPal")),
    "shipmentMethods": (("DELIVERY", "Delivery"), ("PICKUP", "Pick up at the store")),
    "currencies": (("USD", "US dollar"), ("GBP", "Pound sterling")),
    "taxGroups": (("VAT0", "No VAT"), ("VAT9", "VAT 9 %"), ("VAT21", "VAT 21 %")),
    "generalProductPostingGroups": (("RETAIL", "Retail"),),
    "inventoryPostingGroups": (("RESALE", "Resale items"),),
}
# What the templates fill in that a set-up person has chosen for customers and items made over the API.
TEMPLATES: dict[str, Record] = {
    "customers": {"generalBusinessPostingGroupCode": "NATIONAL", "customerPostingGroupCode": "NATIONAL"},
    "items": {"generalProductPostingGroupCode": "RETAIL", "inventoryPostingGroupCode": "RESALE"},
}
UNIT_STANDARDS = {"PCS": "EA", "BOX": "BX", "KG": "KGM"}  # the international standard code of each unit
# The date formula of each payment term.
DUE_DATES = {"14 DAYS": "14D", "30 DAYS": "30D", "COD": "0D"}

# What 100 of a currency are in the local one.
EXCHANGE_RATES = {"USD": 92, "GBP": 117}
RATES_FROM = "2000-01-01"

ACCOUNTS = (("8100", "Sales"), ("8300", "Freight to customers"), ("1300", "Receivables"))
LOCATIONS = (("MAIN", "Main warehouse"), ("SHOP1", "Shop 1"), ("SHOP2", "Shop 2"))
DIMENSIONS = {"BRANCH": ("1", "2", "3", "4"), "CHANNEL": ("SHOP", "WEB")}


def setup_records() -> Iterator[tuple[str, Record]]:
    """The entity set and the body of each set-up record."""
    yield "companies", {"id": COMPANY_ID, "name": COMPANY_NAME, "displayName": COMPANY_NAME}
    yield "companyInformation", {"displayName": COMPANY_NAME, "country": "NL", "currencyCode": "EUR"}
    yield "generalLedgerSetup", {"localCurrencyCode": "EUR", "localCurrencySymbol": "€"}
    for code in COUNTRIES:
        yield "countriesRegions", {"code": code, "displayName": code}
    for entity, rows in CODES.items():
        for code, name in rows:
            label = "description" if entity.endswith("PostingGroups") else "displayName"
            more = {"dueDateCalculation": DUE_DATES[code]} if entity == "paymentTerms" else {}
            more |= {"internationalStandardCode": UNIT_STANDARDS[code]} if entity == "unitsOfMeasure" else {}
            yield entity, {"code": code, label: name} | more
    for code, rate in EXCHANGE_RATES.items():
        amounts = {"exchangeRateAmount": 100, "relationalExchangeRateAmount": rate}
        yield "currencyExchangeRates", {"currencyCode": code, "startingDate": RATES_FROM} | amounts
    for number, name in ACCOUNTS:
        yield "accounts", {"number": number, "displayName": name, "directPosting": True}
    for code, name in LOCATIONS:
        yield "locations", {"code": code, "displayName": name}
    yield "salespeoplePurchasers", {"code": "WEB", "displayName": "Web shop"}
    yield "taxAreas", {"code": "NATIONAL", "displayName": "National"}
    yield "journals", {"code": "DEFAULT", "displayName": "Default journal"}
    yield "customerPaymentJournals", {"code": "PAYMENT", "displayName": "Customer payments"}
    yield from _dimensions()


def _dimensions() -> Iterator[tuple[str, Record]]:
    for code, values in DIMENSIONS.items():
        dimension = str(uuid.uuid5(uuid.NAMESPACE_URL, f"dimension {code}"))
        yield "dimensions", {"id": dimension, "code": code, "displayName": code.capitalize()}
        for value in values:
            yield "dimensionValues", {"code": value, "dimensionId": dimension, "displayName": f"{code} {value}"}
