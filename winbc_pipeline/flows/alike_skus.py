"""SKUs that differ only in capitals: Business Central keeps numbers and codes in capitals, so only one gets an item, or
a variant of one."""

from ..settings import Settings
from ..staging import ledger


def without_item(settings: Settings) -> dict[str, str]:
    """The SKUs whose item number or variant code is another SKU's, and that other SKU.

    The ledger of products tells: it links each item and variant to the SKU that it was made of.
    """
    item, sku = "part IN ('item', 'variant') AND target_id IS {} NULL", "upper(trim(key))"
    alike = f"{sku} IN (SELECT {sku} FROM ledger WHERE {item})"
    linked = ledger.read_other(settings, "products_winstore_to_bc", f"{item.format('NOT')} AND {alike.format('')}")
    owners = {row["key"].strip().upper(): row["key"] for row in linked}
    if not owners:
        return {}
    lost = ledger.read_other(settings, "products_winstore_to_bc", f"{item.format('')} AND {alike.format('NOT')}")
    return {row["key"]: owners[row["key"].strip().upper()] for row in lost}
