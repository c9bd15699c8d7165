"""Orders and invoices in Business Central, each exactly once: no number of ours protects them (exactly_once.md).

candidates.py reads what was mapped. existing.py looks where a document may be already, items.py whether its items are
there, customers.py for whom it is. decide.py decides with amounts.py (totals), differences.py (a document that was
found beside its order) and changes.py (what an edited order would change); plan.py writes the plan table. outbox.py
says what of a plan is to be sent now, push.py the order in which it goes, batches.py sends, moves.py says what becomes
of each document. hashes.py is what is kept of what was sent. duplicates.py looks once more afterwards.
"""

from ...staging.store import Row
from ...systems.business_central import BusinessCentral
from ..connected import ConnectedFlow
from ..sending import Sending
from ..session import company_of
from . import plan, push
from .existing import look_up


def has_any(_: ConnectedFlow, target: BusinessCentral, sent: list[Row]) -> bool:
    """Whether any document of some ledger rows is there. Posting gives a document another id: its reference stays."""
    return bool(look_up(target, {row["reference"] for row in sent if row["reference"]}))


SENDING = Sending(
    open=BusinessCentral, name=company_of, has_any=has_any, plan=plan.plan, push=push.push, sends_once=True
)
