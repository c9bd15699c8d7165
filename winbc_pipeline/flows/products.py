"""Products, in both directions. Missing categories are created first.

As shipped, each SKU is an item whose number is the SKU. With `products.variants = "item_variants"`, an article with
colours or sizes is one item, and its SKUs are variants of it (variants.py).
"""

from collections.abc import Mapping
from dataclasses import replace

from ..settings import Settings
from ..sync.connected import ConnectedFlow
from ..sync.flow import Flow, Gone
from ..sync.part import PICTURE_FIELDS, Part, Picture, Reference
from ..systems.facts import ATTRIBUTE, BARCODE, UNIT
from . import containers, items, variants
from .containers import CONTAINER, IN_CONTAINER
from .currency import check_currency
from .odd_articles import odd_articles

NO_SKU = (("coalesce(variant_count, 0) = 0", "NO_SKU"),)
CATEGORY = Part(
    name="category",
    entity_set="itemCategories",
    table="category.csv",
    match=(("code", False),),
    # Whichever fields the table makes the code of: `Wine` and `WINE ` are one category, as are all that the lookup
    # table gives one code.
    merged_by="code",
    where="category IS NOT NULL AND variant_count > 0",
    app_set="itemCategorySettings",
)
ITEM = Part(
    name="item",
    entity_set="items",
    table="item.csv",
    match=(("number", False),),
    skip=NO_SKU,
    group="artkey",
    sign="gtin",
    features=("attributes.csv", "features.csv"),
    dimensions=True,
    app_set="itemSettings",
    app_rows=(ATTRIBUTE, UNIT, BARCODE),
)
ARTICLE = Part(
    name="article",
    entity_set="items",
    table="article.csv",
    match=(("number", False),),
    key="artkey",
    where=variants.IS_VARIANT,
    features=("features.csv",),  # attributes are what its variants differ in
    dimensions=True,
    app_set="itemSettings",
    app_rows=(ATTRIBUTE, UNIT, BARCODE),
)
VARIANT = Part(
    name="variant",
    entity_set="itemVariants",
    table="variant.csv",
    match=(("code", False),),
    where=variants.IS_VARIANT,
    parent="article",
    group="artkey",
    within="itemNumber",
    app_rows=(BARCODE,),
)
PICTURE = Part(
    name="picture",
    entity_set="pictures",
    table="picture.csv",
    match=(),
    where="picture IS NOT NULL",
    skip=NO_SKU,
    parent="item",
    reference=Reference("parent"),
    own_fields=PICTURE_FIELDS,
    picture=Picture(lambda settings: settings.products.pictures, needs=("picture",), not_carried="variant_picture"),
)
ARTICLE_PICTURE = replace(
    PICTURE,
    name="article_picture",
    key="artkey",
    where=f"picture IS NOT NULL AND {variants.IS_VARIANT}",
    parent="article",
)


def constants(settings: Settings) -> Mapping[str, str | bool]:
    """Values of settings that the mapping tables may use, by name."""
    return {"new_items_blocked": settings.products.new_items == "blocked"}


def when_gone(settings: Settings) -> Mapping[str, str]:
    """What the settings say about an item whose article or SKU is gone, by reason code."""
    chosen = settings.products
    return {
        "INACTIVE": chosen.inactive,
        "MISSING_SKU": chosen.missing_sku,
        "MISSING_ARTICLE": chosen.missing_article,
    }


def shape(settings: Settings) -> tuple[Part, ...]:
    """The parts of an article, as `products.variants` says."""
    if containers.is_on(settings):
        named = CONTAINER.name, containers.PARENT
        item = replace(ITEM, more=(IN_CONTAINER.table,), joined=named)
        return CATEGORY, CONTAINER, item, PICTURE
    if settings.products.variants == "items":
        return CATEGORY, ITEM, PICTURE
    plain = f"NOT ({variants.IS_VARIANT})"
    items = replace(ITEM, where=plain), replace(PICTURE, where=f"{PICTURE.where} AND {plain}")
    return CATEGORY, *items, ARTICLE, VARIANT, ARTICLE_PICTURE


def direction(settings: Settings) -> str:
    """The direction in which products go."""
    return settings.products.direction


def shape_to_winstore(settings: Settings) -> tuple[Part, ...]:
    """The parts of an item. Where each SKU is an item, nothing in Winstore stands for a variant of one."""
    article, variant, picture = PRODUCTS_TO_WINSTORE.parts
    if settings.products.variants == "item_variants":
        return article, variant, picture
    article = replace(article, where="true", skip=(("variantCode IS NOT NULL", "ITEM_VARIANTS"),))
    return article, picture


def notes(settings: Settings) -> list[str]:
    """What is lost of the staged articles, and what is odd about them."""
    connected = ConnectedFlow(PRODUCTS, settings)
    ways = (*containers.notes(settings), *variants.notes(settings))
    return [*ways, *variants.differing(connected), *odd_articles(settings)]


def notes_to_winstore(settings: Settings) -> list[str]:
    """What the companion app does not tell of items, though the tables ask for it."""
    return items.gaps(PRODUCTS_TO_WINSTORE, settings)


PRODUCTS = Flow(
    name="products",
    source="winstore",
    target="bc",
    entity="articles",
    main="item",
    pairs="products",
    direction=direction,
    parts=(CATEGORY, CONTAINER, ITEM, PICTURE, ARTICLE, VARIANT, ARTICLE_PICTURE, IN_CONTAINER),
    shape=shape,
    notes=notes,
    check=variants.check,
    constants=constants,
    guarded=True,
    gone=Gone(when_gone, active="active", blocked="blocked", reported=("variant",)),
    suits=check_currency,
)

SKU = (("sku", True),)
PRODUCTS_TO_WINSTORE = Flow(
    name="products",
    source="bc",
    target="winstore",
    entity="items",
    main="article",
    pairs="products",
    own_id="recordId",
    own_no="recordNo",
    direction=direction,
    reading=items.READING,
    derived=items.DERIVED,
    parts=(
        Part(
            name="article",
            entity_set="articles",
            table="article.csv",
            match=SKU,
            where="variantCode IS NULL",
            pair="item",
        ),
        Part(
            name="variant",
            entity_set="articles",
            table="variant.csv",
            match=SKU,
            where="variantCode IS NOT NULL",
        ),
        Part(
            name="picture",
            entity_set="pictures",
            table="picture.csv",
            match=(),
            where="variantCode IS NULL",
            parent="article",
            reference=Reference("parent"),
            own_fields=PICTURE_FIELDS,
            picture=Picture(lambda settings: settings.products.pictures),
        ),
    ),
    shape=shape_to_winstore,
    notes=notes_to_winstore,
    guarded=True,
)
