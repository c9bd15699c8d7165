"""Which documents of BC came from Winstore, as the ledger of the orders' other direction knows it.

That ledger is another flow's file: it is opened for a moment, and may not be there.
"""

from ..settings import Settings
from ..staging import ledger
from ..staging.store import Row, Store


def documents(settings: Settings) -> list[Row]:
    """Ledger rows of the orders and invoices that Winstore's orders became; `key` is Winstore's order number."""
    path = settings.flow_database("orders_winstore_to_bc")
    if not path.exists():
        return []
    return ledger.read(Store(path, settings.memory_limit_mb), "part IN ('order', 'invoice') AND target_id IS NOT NULL")


def reference(settings: Settings, number: str) -> str:
    """The external document number that an order of Winstore has in BC, which keeps codes in capitals."""
    return settings.orders_to_winstore.reference_prefix + number.strip().upper()
