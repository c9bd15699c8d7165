"""Stock, in both directions: from the owner of a group of warehouses to the other side. Key: SKU = item number.

The figure in the target is overwritten, and nothing is created there. API v2.0 gives and takes an item's stock as one
figure, not per location or variant. The sums: of_winstore.py and of_bc.py. Groups and rules: rules.py.
"""

from collections.abc import Mapping

from ...errors import ConfigurationError
from ...settings import Settings
from ...sync.flow import Flow
from ...sync.part import Part
from ...sync.stock import rules
from ...systems.winstore import load_profile
from .. import variants
from . import of_bc, of_winstore

RULED = ("safety", "cap", "rounding", "clamp", "rule")
SWITCH = 'Set `stock.owner`, or the owner of a group in `stock.owners`, to "{}"'


def constants(settings: Settings) -> Mapping[str, str | bool]:
    """Values of settings that the mapping tables may use, by name."""
    chosen = settings.stock.manage_stock
    return {} if chosen == "leave" else {"manage_stock": chosen == "on"}


def refuse_to_bc(settings: Settings) -> None:
    """Raises ConfigurationError for a flag that Business Central has no field for."""
    if settings.stock.manage_stock != "leave" and rules.direction(settings) == "to_bc":
        words = "stock.manage_stock: API v2.0 of Business Central has no field for it."
        hint = 'Set it to "leave". With the companion app, `app manageStock` in features.csv of products sets the flag.'
        raise ConfigurationError(words, hint)


def refuse_to_winstore(settings: Settings) -> None:
    """Raises ConfigurationError for a warehouse that Business Central does not own, and for a flag without a field."""
    chosen = settings.stock
    if not chosen.warehouse:
        hint = "Name Winstore's warehouse that shows the stock of Business Central."
        raise ConfigurationError("stock.warehouse is not set.", hint)
    group = rules.group_of(settings, chosen.warehouse)
    if not group:
        table = f"lookups/{rules.GROUPS}.csv"
        raise ConfigurationError(f"{table} has no group for warehouse {chosen.warehouse}.", "Add a row for it.")
    if rules.owner_of(settings, group) != "bc":
        words = f"Winstore owns the stock of group {group}, so nothing is written to warehouse {chosen.warehouse}."
        raise ConfigurationError(words, f'Set `stock.owners.{group}` to "bc", or name another `stock.warehouse`.')
    if chosen.manage_stock != "leave":
        _check_flag(settings)


def _check_flag(settings: Settings) -> None:
    profile = load_profile(settings.winstore.profile)
    if "managestock" not in profile.write("stock").fields:
        words = "stock.manage_stock: the Winstore profile writes no managestock; no known call of Winstore takes it."
        raise ConfigurationError(words, 'Set it to "leave", or add the field to writes.stock of a profile of your own.')


STOCK_TO_BC = Flow(
    name="stock",
    source="winstore",
    target="bc",
    entity="stock",
    main="item",
    parts=(
        Part(
            name="item",
            entity_set="items",
            table="item.csv",
            match=(("number", False),),
            creates=False,
            missing="MISSING_ARTICLE",
            inner=variants.sold,
            owns=True,
            skip=(
                ("ignored", "STOCK_RULE"),
                ("alike IS NOT NULL", "AMBIGUOUS_SKU"),
                ("unlisted IS NOT NULL", "UNKNOWN_WAREHOUSE"),
                ("unread IS NOT NULL", "WAITS_FOR_PARTS"),
                ("others IS NOT NULL", "OTHER_OWNER"),
                ("counted = 0", "NO_WAREHOUSE"),
                ("uncategorised", "NO_CATEGORY"),
            ),
            words={
                "AMBIGUOUS_SKU": "alike",
                "UNKNOWN_WAREHOUSE": "unlisted",
                "WAITS_FOR_PARTS": "unread",
                "OTHER_OWNER": "others",
            },
        ),
    ),
    constants=constants,
    direction=rules.direction,
    gather=of_winstore.GATHER,
    refuses=refuse_to_bc,
    switch=SWITCH.format("winstore"),
    lacks="Winstore tells neither what is on orders nor what is incoming, only `on_hand` and `reserved`.",
    emptied="inventory",
    guarded=True,
    explains=("on_hand", "reserved", *RULED, "warehouses"),
)
STOCK_TO_WINSTORE = Flow(
    name="stock",
    source="bc",
    target="winstore",
    entity="items",
    main="stock",
    parts=(
        Part(
            name="stock",
            entity_set="stock",
            table="stock.csv",
            match=(("sku", True),),
            creates=False,
            missing="MISSING_ARTICLE",
            owns=True,
            skip=(
                ("ignored", "STOCK_RULE"),
                ("type <> 'Inventory'", "NOT_STOCKED"),
                ("has_variants", "NOT_STOCKED_PER_VARIANT"),
                ("other_unit", "OTHER_UNIT"),
            ),
        ),
    ),
    derived=of_bc.DERIVED,
    constants=constants,
    direction=rules.direction,
    reading=of_bc.READING,
    gather=of_bc.GATHER,
    refuses=refuse_to_winstore,
    switch=SWITCH.format("bc"),
    lacks="What sells from the stock is `on_orders`, the open lines of sales orders; what comes is `incoming`.",
    emptied="quantity",
    guarded=True,
    explains=("on_hand", "on_orders", "incoming", "reserved", *RULED, "sales_lines", "purchase_lines"),
)
