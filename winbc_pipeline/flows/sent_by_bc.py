"""Which of Winstore's orders came from BC, as the ledger of the orders' other direction knows it."""

from ..settings import Settings
from ..staging import ledger

MAY_BE_THERE = "state IN ('SENDING', 'UNKNOWN', 'NEEDS_HUMAN', 'DUPLICATE')"


def numbers(settings: Settings) -> list[str]:
    """The numbers of the orders that Winstore took from BC, or may have taken."""
    sent = f"part = 'order' AND target_no IS NOT NULL AND (target_id IS NOT NULL OR {MAY_BE_THERE})"
    return [row["target_no"] for row in ledger.read_other(settings, "orders_bc_to_winstore", sent)]
