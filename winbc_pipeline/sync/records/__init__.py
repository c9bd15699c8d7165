"""Master data of both systems: records with a number of our own, compared field by field before they are written.

target/ finds a record in the target. known/ tells what both sides last answered, and which of them changed a field.
special/ is about what only some records have. decide.py decides what happens to one record, decision.py what one
decision means for another. plan.py writes the plan table. push.py sends the plan.
"""

from ...settings import Settings
from ...staging.store import Row
from ...systems.business_central import BusinessCentral
from ..connected import ConnectedFlow
from ..sending import Sending
from ..session import address, company_of
from . import plan, push
from .target.matching import Target
from .target.winstore_target import WinstoreRecords


def _has_any(connected: ConnectedFlow, target: Target, sent: list[Row]) -> bool:
    # A record keeps its id for life, even when somebody gives it another number.
    part = connected.flow.part(connected.flow.main)
    ids = [row["target_id"] for row in sent]
    return bool(target.find(part.entity_set, "id", ids, False))


def _winstore(settings: Settings, _: WinstoreRecords) -> str:
    return address(settings.winstore.base_url)


SENDING = Sending(
    open=BusinessCentral,
    name=company_of,
    has_any=_has_any,
    plan=plan.plan,
    push=push.push,
    sends_once=False,
    compares_fields=True,
)
TO_WINSTORE = Sending(
    open=WinstoreRecords,
    name=_winstore,
    has_any=_has_any,
    plan=plan.plan,
    push=push.push,
    sends_once=False,
    compares_fields=True,
)
