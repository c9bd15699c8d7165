"""Which of Winstore's orders came from BC, according to the ledger of the flow that sent them."""

from ..settings import Settings
from ..staging import ledger

# States of an order that may have reached Winstore although no answer confirmed it.
MAY_BE_THERE = "state IN ('SENDING', 'UNKNOWN', 'NEEDS_HUMAN', 'DUPLICATE')"


def numbers(settings: Settings) -> list[str]:
    """The numbers of the orders that Winstore got from BC, or may have got."""
    sent = f"part = 'order' AND target_no IS NOT NULL AND (target_id IS NOT NULL OR {MAY_BE_THERE})"
    return [row["target_no"] for row in ledger.read_other(settings, "orders_bc_to_winstore", sent)]
