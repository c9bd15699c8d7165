"""Which documents of BC came from Winstore, according to the ledger of the flow that sent them."""

from ..settings import Settings
from ..staging import ledger
from ..staging.store import Row


def documents(settings: Settings) -> list[Row]:
    """Ledger rows of the orders and invoices that were made of Winstore's orders; `key` is Winstore's order number."""
    made = "part IN ('order', 'invoice') AND target_id IS NOT NULL"
    return ledger.read_other(settings, "orders_winstore_to_bc", made)


def reference(settings: Settings, number: str) -> str:
    """The external document number that an order of Winstore has in BC. It is in capitals, as BC keeps all codes."""
    return settings.orders_to_winstore.reference_prefix + number.strip().upper()
