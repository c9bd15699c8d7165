"""Whether Business Central takes a change of stock: one item gets one piece more, and the batch is undone.

API v2.0 shows neither Inventory Setup nor posting groups. Where locations or variants are mandatory, it takes no stock
at all (rules.md, Stock), and each article would fail alike. What an extension commits on its own is not undone, so the
figure is read again.
"""

from decimal import Decimal

from ...errors import ConfigurationError
from ...sync.outcomes import refusal
from ...systems.business_central import BusinessCentral, Operation
from ..probe import MUST_FAIL


def probe(target: BusinessCentral) -> str:
    """Tries one item of type Inventory; returns in words what was found.

    Raises: ConfigurationError with Business Central's words, or with the item whose stock was not put back.
    """
    item = _item(target)
    if item is None:
        return "there is no item of type Inventory yet, so nothing was tried"
    number, before = item["number"], Decimal(item["inventory"])
    change = Operation("stock", "PATCH", f"items({item['id']})", {"inventory": before + 1}, item["@odata.etag"])
    try:
        results = target.batch([change, MUST_FAIL], isolated=True)
    finally:
        after = Decimal(target.find("items", "number", {number}, False)[number][0]["inventory"])
    if after != before:
        hint = f"Set it back to {before}, and do not probe again: an extension commits on its own."
        raise ConfigurationError(f"The probe was not undone: item {number} has {after} pieces.", hint)
    if results[0].status in (0, -1):
        raise ConfigurationError("The probe was not answered.", "Run it again once Business Central answers.")
    if results[0].status >= 400:
        reason, words = refusal(results[0])
        hint = "Mend it there (Inventory Setup, posting groups), or leave the flow of stock off."
        raise ConfigurationError(f"Business Central takes no change of stock ({reason}): {words}", hint)
    return f"a change of the stock of item {number} would be taken; Business Central undid it"


def _item(target: BusinessCentral) -> dict[str, str] | None:
    """An item whose stock can be changed, without variants if there is one."""
    items = target.get("items?$filter=type eq 'Inventory' and blocked eq false&$top=20")
    with_variants = target.find("itemVariants", "itemNumber", {item["number"] for item in items}, False)
    plain = [item for item in items if item["number"] not in with_variants]
    return next(iter(plain or items), None)
