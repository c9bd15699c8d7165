"""Master data in Business Central: records with a number of our own, compared field by field before they are written.

decide.py decides what happens to one record. references.py replaces codes by ids. plan.py writes the plan table.
push.py sends the plan.
"""

from ...staging.store import Row
from ...systems.business_central import BusinessCentral
from ..connected import ConnectedFlow
from ..sending import Sending
from ..session import company_of
from . import plan, push


def _has_any(connected: ConnectedFlow, target: BusinessCentral, sent: list[Row]) -> bool:
    # A record keeps its id for life, even when somebody gives it another number.
    part = connected.flow.part(connected.flow.main)
    ids = [row["target_id"] for row in sent]
    return bool(target.find(part.entity_set, "id", ids, False))


SENDING = Sending(
    open=BusinessCentral,
    name=company_of,
    has_any=_has_any,
    plan=plan.plan,
    push=push.push,
    sends_once=False,
    compares_fields=True,
)
