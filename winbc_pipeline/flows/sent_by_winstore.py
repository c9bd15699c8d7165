"""Which documents of BC came from Winstore, as the ledger of the orders' other direction knows it."""

from ..settings import Settings
from ..staging import ledger
from ..staging.store import Row


def documents(settings: Settings) -> list[Row]:
    """Ledger rows of the orders and invoices that Winstore's orders became; `key` is Winstore's order number."""
    made = "part IN ('order', 'invoice') AND target_id IS NOT NULL"
    return ledger.read_other(settings, "orders_winstore_to_bc", made)


def reference(settings: Settings, number: str) -> str:
    """The external document number that an order of Winstore has in BC, which keeps codes in capitals."""
    return settings.orders_to_winstore.reference_prefix + number.strip().upper()
