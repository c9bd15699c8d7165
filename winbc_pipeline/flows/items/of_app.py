"""What the companion app tells of items besides API v2.0: its own fields, the price of a price list, the barcode.

They are fields of the source whose names begin with `app_`, asked for where a mapping table reads them. Without the
app, or the right to read, they are empty, and the gap has a name. Contract of the app: facts/companion_app.json.
"""

from collections.abc import Collection, Iterable, Mapping
from contextlib import closing
from datetime import date
from typing import Any

from ... import clock
from ...errors import WinbcError
from ...settings import Settings
from ...sync.connected import ConnectedFlow
from ...sync.flow import Flow
from ...systems.business_central import BusinessCentral
from ...systems.business_central.companion import app_client, capabilities, companion_of
from ...systems.business_central.facts import entity_fields

SETTINGS, PRICES, BARCODES = "itemSettings", "salesPrices", "itemBarcodes"
PREFIX = "app_"
PRICE, WITH_VAT, BARCODE = f"{PREFIX}price", f"{PREFIX}priceIncludesVat", f"{PREFIX}barcode"
OWN = {
    f"{PREFIX}{name}": name for name, facts in entity_fields(SETTINGS).items() if not facts.read_only and name != "id"
}
KINDS = {
    **{name: entity_fields(SETTINGS)[own].kind for name, own in OWN.items()},
    PRICE: "decimal",
    WITH_VAT: "boolean",
    BARCODE: "text",
}
"""The kind of each field, by name."""
BASE_UNIT = "baseUnitOfMeasureCode"  # the field of an item that prices and barcodes of one piece are told by
NO_DATE = "0001-01-01"
Record = dict[str, Any]


class ToldByApp:
    """What the app tells of some items.

    Args:
        source: a client of API v2.0.
        wanted: names of the fields that are wanted.
        items: items with `id` and `number`.
    """

    def __init__(
        self, settings: Settings, source: BusinessCentral, wanted: Collection[str], items: Iterable[Record]
    ) -> None:
        self.wanted, self.price_list = KINDS.keys() & set(wanted), settings.products.price_list
        companion = companion_of(source, settings) if self.wanted else None
        self.app = companion.client if companion else None
        self.offers = companion.offers if companion else None
        numbers = {each["id"]: each["number"] for each in items}
        self.settings = self._found(SETTINGS, "id", numbers)
        self.prices = self._found(PRICES, "itemNumber", numbers.values())
        self.barcodes = self._found(BARCODES, "itemNumber", numbers.values())

    def _found(self, entity_set: str, field: str, keys: Collection[str]) -> Mapping[str, list[Record]]:
        can = self.app and self.offers and self.offers.can(entity_set) and entity_set in needed(self.wanted)
        return self.app.find(entity_set, field, keys, False) if self.app and can and keys else {}

    def of(self, item: Record, variant: str = "") -> Record:
        """The wanted fields of an item or of its variant; None for what the app does not tell."""
        (own,) = self.settings.get(item["id"]) or [Record()]
        told = {name: own.get(field) for name, field in OWN.items()}
        price = self._price(item, variant)
        told |= {PRICE: price.get("unitPrice"), WITH_VAT: price.get("priceIncludesVat")}
        told |= {BARCODE: self._barcode(item, variant)}
        return {name: told[name] for name in self.wanted}

    def _price(self, item: Record, variant: str) -> Record:
        """The line of the price list for one piece today: that of the variant before that of the item, the lowest."""
        today = clock.now().date()
        lines = (each for each in self.prices.get(item["number"], ()) if self._counts(each, item, variant, today))
        return min(lines, key=lambda each: (each["variantCode"] != variant, each["unitPrice"]), default=Record())

    def _counts(self, line: Record, item: Record, variant: str, today: date) -> bool:
        begun = line["startingDate"] in (None, NO_DATE) or line["startingDate"] <= today.isoformat()
        ended = line["endingDate"] not in (None, NO_DATE) and line["endingDate"] < today.isoformat()
        return (
            line["priceListCode"] == self.price_list.upper()
            and line["variantCode"] in ("", variant)
            and line["unitOfMeasureCode"] in ("", item.get(BASE_UNIT))
            and not line["currencyCode"]
            and line["minimumQuantity"] <= 1
            and line["unitPrice"] > 0  # else it is a line of a discount
            and begun
            and not ended
        )

    def _barcode(self, item: Record, variant: str) -> str | None:
        """The newest barcode of one piece."""
        units = ("", item.get(BASE_UNIT))
        own = [each for each in self.barcodes.get(item["number"], ()) if each["variantCode"] == variant]
        of_piece = [each for each in own if each["unitOfMeasureCode"] in units]
        newest = max(of_piece, key=lambda each: (each["lastModifiedDateTime"], each["barcode"]), default=None)
        return newest["barcode"] if newest else None


def needed(fields: Collection[str]) -> dict[str, list[str]]:
    """The entity sets that these fields come from, each with the fields."""
    sets: dict[str, list[str]] = {}
    for name in sorted(KINDS.keys() & set(fields)):
        sets.setdefault({PRICE: PRICES, WITH_VAT: PRICES, BARCODE: BARCODES}.get(name, SETTINGS), []).append(name)
    return sets


def gaps(flow: Flow, settings: Settings) -> list[str]:
    """In words, the fields of the app that tables of a flow read and that nobody tells; asks the app if there are any.

    Raises: MappingError for tables that are wrong.
    """
    compiled = ConnectedFlow(flow, settings).compiled()
    sets = needed(frozenset[str]().union(*(each.reads for each in compiled.values())))
    if not sets:
        return []
    without_list = PRICES in sets and not settings.products.price_list
    told = [f"{PRICE} needs `products.price_list`, and is empty"] if without_list else []
    if settings.bc.companion_app == "off":
        return [*told, *_lacking(sets, "`bc.companion_app` is off")]
    try:
        with closing(app_client(settings)) as app:
            found = capabilities(app)
    except WinbcError as error:
        return [*told, *_lacking(sets, error.message)]
    return [*told, *_lacking({name: some for name, some in sets.items() if not found.can(name)}, "; ".join(found.gaps))]


def _lacking(sets: Mapping[str, list[str]], why: str) -> list[str]:
    return [f"{', '.join(some)} needs {name} of the companion app, and is empty: {why}" for name, some in sets.items()]
