"""Products, in both directions. Key: SKU = item number. Missing categories are created first.

An article with variants (several rows, or a colour or size) is skipped with reason VARIANT until variants are
supported.
"""

from collections.abc import Mapping

from ..settings import Settings
from ..sync.flow import PICTURE_FIELDS, Flow, Gone, Part, Picture, Reference

HAS_VARIANTS = "variant_count > 1 OR color IS NOT NULL OR size IS NOT NULL"


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
            where=f"category IS NOT NULL AND variant_count > 0 AND NOT ({HAS_VARIANTS})",
        ),
        Part(
            name="item",
            entity_set="items",
            table="item.csv",
            match=(("number", False),),
            skip=((HAS_VARIANTS, "VARIANT"), ("coalesce(variant_count, 0) = 0", "NO_SKU")),
        ),
        Part(
            name="picture",
            entity_set="pictures",
            table="picture.csv",
            match=(),
            where=f"picture IS NOT NULL AND variant_count > 0 AND NOT ({HAS_VARIANTS})",
            parent="item",
            reference=Reference("parent"),
            own_fields=PICTURE_FIELDS,
            picture=Picture(
                lambda settings: settings.products.pictures, needs=("picture",), not_carried="variant_picture"
            ),
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
    parts=(
        Part(name="article", entity_set="articles", table="article.csv", match=(("sku", False),)),
        Part(
            name="picture",
            entity_set="pictures",
            table="picture.csv",
            match=(),
            parent="article",
            reference=Reference("parent"),
            own_fields=PICTURE_FIELDS,
            picture=Picture(lambda settings: settings.products.pictures),
        ),
    ),
    guarded=True,
)
