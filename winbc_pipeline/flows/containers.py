"""Container items: with an item per SKU, one more item for each article, which its SKUs' items name as their parent.

It is never sold and holds no stock. Source of the field that names it: `parentItemNumber` of facts/companion_app.json.
"""

from collections.abc import Iterable
from typing import Any

from ..settings import Settings
from ..sync.part import Part
from .variants import FLOW, SEVERAL, asked

PARENT = "app.parentItemNumber"
CONTAINER = Part(
    name="container",
    entity_set="items",
    table="container.csv",
    match=(("number", False),),
    key="artkey",
    where=f"artkey IS NOT NULL AND {SEVERAL}",
    app_set="itemSettings",
    container=True,
)
# No part that is written: what its table gives are fields of the SKUs' items, where there are containers.
IN_CONTAINER = Part(
    name="in_container", entity_set="items", table="in_container.csv", match=(), where="false", app_set="itemSettings"
)


def is_on(settings: Settings) -> bool:
    """Whether the settings ask for containers, and let them be made."""
    return settings.products.container and not _against(settings)


def notes(settings: Settings) -> list[str]:
    """In words, why no containers are made although the settings ask for them.

    What the app itself lacks is said of the fields in the table (sync/records/beside/).
    """
    against = _against(settings) if settings.products.container else ""
    return [f"`products.container` makes no container items: {against}"] if against else []


def _against(settings: Settings) -> str:
    if settings.products.variants != "items":
        return '`products.variants` is "item_variants", where the article is an item itself'
    return "`bc.companion_app` is off" if settings.bc.companion_app == "off" else ""


def ids(settings: Settings, items: Iterable[dict[str, Any]]) -> set[str]:
    """The ids of those of some items of Business Central that are containers, whatever the settings say now.

    The number of one whose call may still be on its way stands in its plan.
    """
    numbers = {str(each["number"]).casefold(): str(each["id"]) for each in items}
    known = asked(
        settings,
        "ledger",
        f"SELECT target_id FROM ledger WHERE part = '{CONTAINER.name}' AND list_contains(?, target_id)",
        [list(numbers.values())],
    )
    planned = f"planned_{FLOW}"
    sent = asked(
        settings,
        planned,
        f"""
        SELECT p.target_id, p.body ->> '$.number' AS number
        FROM {planned} AS p
        JOIN ledger AS l ON l.part = p.part AND l.key = p.key
        WHERE p.part = '{CONTAINER.name}' AND l.state IN ('SENDING', 'UNKNOWN')
        """,
    )
    by_number = {numbers.get(str(row["number"]).casefold(), "") for row in sent}
    return by_number | {row["target_id"] for row in (*known, *sent)}
