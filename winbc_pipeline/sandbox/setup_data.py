"""What a new company of the Business Central sandbox has in its set-up tables."""

from collections.abc import Iterator

from .records import Record

COMPANY_ID = "5c2a1f1e-7d3b-4b7e-9a51-0d6f2c0b1a01"
COMPANY_NAME = "CRONUS Retail"

COUNTRIES = [
    "AE",
    "AR",
    "AT",
    "AU",
    "BE",
    "BG",
    "BR",
    "CA",
    "CH",
    "CN",
    "CY",
    "CZ",
    "DE",
    "DK",
    "EE",
    "ES",
    "FI",
    "FR",
    "GB",
    "GR",
    "HR",
    "HU",
    "IE",
    "IN",
    "IS",
    "IT",
    "JP",
    "LT",
    "LU",
    "LV",
    "MX",
    "MT",
    "NL",
    "NO",
    "NZ",
    "PL",
    "PT",
    "RO",
    "RS",
    "SE",
    "SG",
    "SI",
    "SK",
    "TR",
    "UA",
    "US",
    "VE",
    "ZA",
]

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


def setup_records() -> Iterator[tuple[str, Record]]:
    """Entity set and body of each set-up record."""
    yield "companies", {"id": COMPANY_ID, "name": COMPANY_NAME, "displayName": COMPANY_NAME}
    for code in COUNTRIES:
        yield "countriesRegions", {"code": code, "displayName": code}
    for entity, rows in CODES.items():
        for code, name in rows:
            label = "description" if entity.endswith("PostingGroups") else "displayName"
            yield entity, {"code": code, label: name}
