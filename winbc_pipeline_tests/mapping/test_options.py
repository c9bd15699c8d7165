"""A field with fixed values takes no other one, so a lookup table that would give one is wrong before any record is.

Source: API v2.0, item, type: Inventory, Service, Non-Inventory (schema_v2.json); docs/mapping.md.
"""

import pytest

from winbc_pipeline.errors import MappingError

from ..support.shops.product_shop import ProductShop
from ..support.shops.product_shop import product_shop as product_shop


def gives(shop: ProductShop, type_: str, formula: str = "lookup('category_types', category, 'Inventory')") -> None:
    """The type of items of the category Repairs, and the formula of the field."""
    shop._own_tables()
    folder = shop.settings.mapping_folder
    path = folder / "lookups" / "category_types.csv"
    head = path.read_text(encoding="utf-8").splitlines()[0]
    path.write_text(f"{head}\nRepairs,{type_},\n", encoding="utf-8")
    for table in ("item", "article"):
        path = folder / shop.connected.flow.id / f"{table}.csv"
        rows = [each for each in path.read_text(encoding="utf-8").splitlines() if not each.startswith("type,")]
        path.write_text("\n".join([*rows, f'type,"{formula}",,create,,', ""]), encoding="utf-8")


@pytest.mark.parametrize(
    ("type_", "formula"),
    [
        ("service", "lookup('category_types', category, 'Inventory')"),
        ("SERVICE", "lookup('item_types', type, lookup('category_types', category, 'Inventory'))"),
        ("Services", "if(category = 'Wine', 'Inventory', coalesce(lookup('category_types', category), 'Inventory'))"),
    ],
)
def test_a_value_that_the_field_does_not_take_is_named_with_its_table(
    product_shop: ProductShop, type_: str, formula: str
) -> None:
    gives(product_shop, type_, formula)
    with pytest.raises(MappingError) as found:
        product_shop.connected.checked()
    words = f"lookups/category_types.csv: `{type_}` (for Repairs) does not do for type (item.csv row "
    assert words in str(found.value)
    assert "Did you mean Service?" in str(found.value)


@pytest.mark.parametrize(
    ("type_", "formula"),
    [
        ("Service", "lookup('category_types', category, 'Inventory')"),
        ("s", "if(lookup('category_types', category, '') = 's', 'Service', 'Inventory')"),
        ("SERVICE", "if(upper(lookup('category_types', category, '')) = 'SERVICE', 'Service', 'Inventory')"),
    ],
)
def test_a_value_that_the_field_takes_or_that_is_only_compared_passes(
    product_shop: ProductShop, type_: str, formula: str
) -> None:
    gives(product_shop, type_, formula)
    product_shop.connected.checked()
