"""Orders and invoices in Business Central, each exactly once (exactly_once.md).

Business Central does not refuse a second one with the same reference, so the protocol must.

| step | module |
|---|---|
| reads what was mapped | candidates.py |
| looks up what is in Business Central | existing.py (documents), items.py (items), customers.py (customers) |
| looks up who is blocked for privacy | privacy.py |
| decides | decide.py, with amounts.py (totals), differences.py (found beside ordered), changes.py (edited orders) |
| writes the plan table | plan.py |
| chooses what of the plan is sent now | outbox.py |
| sends | push.py (in which order), batches.py (documents) |
| records what became of a document | moves.py, with hashes.py (what was sent, without its values) |
| looks for second documents afterwards | duplicates.py |
"""

from ...staging.store import Row
from ...systems.business_central import BusinessCentral
from ..connected import ConnectedFlow
from ..sending import Sending
from ..session import company_of
from . import plan, push
from .existing import look_up


def has_any(_: ConnectedFlow, target: BusinessCentral, sent: list[Row]) -> bool:
    """Whether Business Central has any of the documents of some ledger rows.

    They are looked up by reference, because posting gives a document another id.
    """
    references = {row["reference"] for row in sent if row["reference"]}
    return bool(look_up(target, references))


SENDING = Sending(
    open=BusinessCentral,
    name=company_of,
    has_any=has_any,
    plan=plan.plan,
    push=push.push,
    sends_once=True,
    compares_fields=True,
)
