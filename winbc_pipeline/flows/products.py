"""Products, in both directions. Key: SKU = item number. Categories are made when they are missing.

An article with variants (several rows, or a colour or size) is skipped with a reason until variants are supported.
"""

from collections.abc import Mapping

from ..settings import Settings
from ..sync.flow import Flow, Part

HAS_VARIANTS = "variant_count > 1 OR color IS NOT NULL OR size IS NOT NULL"


def constants(settings: Settings) -> Mapping[str, str | bool]:
    """Settings that the mapping tables may name."""
    return {"new_items_blocked": settings.products.new_items == "blocked"}


PRODUCTS = Flow(
    name="products",
    source="winstore",
    target="bc",
    entity="articles",
    main="item",
    parts=(
        Part(
            name="category",
            entity_set="itemCategories",
            table="category.csv",
            match=(("code", False),),
            key="category",
            merged_by="code",  # `Wine`, `WINE ` and what the lookup table gives the same code
            where=f"category IS NOT NULL AND variant_count > 0 AND NOT ({HAS_VARIANTS})",
        ),
        Part(
            name="item",
            entity_set="items",
            table="item.csv",
            match=(("number", False),),
            skip=((HAS_VARIANTS, "VARIANT"), ("variant_count = 0", "NO_SKU")),
        ),
    ),
    constants=constants,
)

PRODUCTS_TO_WINSTORE = Flow(
    name="products",
    source="bc",
    target="winstore",
    entity="items",
    main="article",
    parts=(Part(name="article", entity_set="articles", table="article.csv", match=(("sku", False),)),),
)
