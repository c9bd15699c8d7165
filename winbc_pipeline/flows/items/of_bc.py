"""Items of Business Central as rows: one per item, or one per variant of an item that has variants.

The fields of an item are repeated in the rows of its variants, as Winstore gives articles. Source of the fields:
schema_v2.json. What changes no moment, such as a price list or a barcode: rules.md, and docs/products.md.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from ...settings import Settings
from ...staging.store import Store
from ...sync.flow import Reading, Rows
from ...sync.reading.read_bc import MODIFIED, changed
from ...systems.business_central import BusinessCentral, entity_fields
from .. import containers, variants
from .of_app import BASE_UNIT, KINDS, ToldByApp

ITEMS, VARIANTS = "items", "itemVariants"
NEEDED = ("id", "number", MODIFIED)
VARIANT_FIELDS = ("id", "code", "description", MODIFIED)
# What a row has beside the fields of its item.
OF_ROW = ("recordId", "recordNo", "artkey", "sku", "variantCode", "variantDescription")
DERIVED = dict.fromkeys(OF_ROW, "text") | KINDS


def rows(
    settings: Settings, _: Store, source: BusinessCentral, since: Mapping[str, datetime], wanted: frozenset[str]
) -> Iterator[tuple[str, Rows]]:
    """The items that changed since a moment, or whose variants did, in chunks of rows with the wanted fields."""
    of_app = {BASE_UNIT} if wanted & KINDS.keys() else set[str]()
    fields = ",".join(sorted({*NEEDED, *wanted, *of_app} & set(entity_fields(ITEMS))))
    query = f"$select={fields}&$expand={VARIANTS}($select={','.join(VARIANT_FIELDS)})"
    # That Business Central keeps `$orderby` over several pages is assumed.
    for items in changed(source, ITEMS, since[ITEMS], "", f"$orderby={MODIFIED}&{query}"):
        yield ITEMS, list(_rows_of(settings, source, wanted, items))
    for found in changed(source, VARIANTS, since[VARIANTS], "", f"$orderby={MODIFIED}&$select=itemId"):
        ids = sorted({each["itemId"] for each in found})
        paths = [f"{ITEMS}?$filter=id eq {own}&{query}" for own in ids]
        yield VARIANTS, list(_rows_of(settings, source, wanted, source.get_all(paths)))


def _rows_of(
    settings: Settings, source: BusinessCentral, wanted: frozenset[str], items: Iterable[dict[str, Any]]
) -> Iterator[dict[str, Any]]:
    found = list(items)
    joining = containers.ids(settings, found)
    items = [each for each in found if each["id"] not in joining]
    told = ToldByApp(settings, source, wanted, items)
    skus = variants.skus(settings, [each["id"] for item in items for each in item[VARIANTS]])
    articles = variants.articles(settings, [item["id"] for item in items])
    for item in items:
        fields = {name: value for name, value in item.items() if name != VARIANTS and "@" not in name}
        fields["artkey"] = articles.get(item["id"]) or item["number"]
        own = {"recordId": item["id"], "recordNo": item["number"], "sku": item["number"]}
        fields[MODIFIED] = max(each[MODIFIED] or "" for each in (item, *item[VARIANTS]))
        if skus is None:  # SKUs are items: variants are only told of, and no item has their names
            yield fields | own | told.of(item) | {"variantCode": next((each["code"] for each in item[VARIANTS]), None)}
            continue
        # What came from an article without its variants is not finished yet, or lost them: its number is no SKU.
        if not item[VARIANTS] and item["id"] not in articles:
            yield fields | own | told.of(item)
        for each in item[VARIANTS]:
            own = {"recordId": each["id"], "recordNo": each["code"], "variantCode": each["code"]}
            own["variantDescription"] = each["description"]
            # A variant that came from no SKU of Winstore gets one of item and code.
            own |= told.of(item, each["code"])
            yield fields | own | {"sku": skus.get(each["id"]) or f"{item['number']}-{each['code']}"}


READING = Reading(lambda _: {ITEMS: "", VARIANTS: ""}, rows, key=("sku",), group="id")
