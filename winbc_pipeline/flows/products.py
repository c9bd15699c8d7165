"""Products, in both directions. Key: SKU = item number. Missing categories are created first."""

from collections.abc import Mapping

from ..settings import Settings
from ..sync.flow import Flow, Gone, Part


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


PRODUCTS = Flow(
    name="products",
    source="winstore",
    target="bc",
    entity="articles",
    main="item",
    pairs="products",
    parts=(
        Part(
            name="category",
            entity_set="itemCategories",
            table="category.csv",
            match=(("code", False),),
            key="category",
            merged_by="code",  # `Wine` and `WINE ` are one category, as are all that the lookup table gives one code
            where="category IS NOT NULL AND variant_count > 0",
        ),
        Part(
            name="item",
            entity_set="items",
            table="item.csv",
            match=(("number", False),),
            skip=(("coalesce(variant_count, 0) = 0", "NO_SKU"),),
        ),
    ),
    constants=constants,
    guarded=True,
    gone=Gone(when_gone, active="active", blocked="blocked"),
)

PRODUCTS_TO_WINSTORE = Flow(
    name="products",
    source="bc",
    target="winstore",
    entity="items",
    main="article",
    parts=(Part(name="article", entity_set="articles", table="article.csv", match=(("sku", False),)),),
    guarded=True,
)
