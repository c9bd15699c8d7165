"""Master data of both systems: records with a number of our own, compared field by field before they are written.

matching.py finds a record in the target, by fields or by the keys of index.py. known.py tells what both sides last
answered, staged.py what the source has now. merge.py compares one field. winstore_target.py makes Winstore a target
like Business Central. decide.py decides what happens to one record. references.py replaces codes by ids. plan.py writes
the plan table. push.py sends the plan, and told.py writes into the pairs what was answered.
"""

from ...settings import Settings
from ...staging.store import Row
from ...systems.business_central import BusinessCentral
from ..connected import ConnectedFlow
from ..sending import Sending
from ..session import address, company_of
from . import plan, push
from .matching import Target
from .winstore_target import WinstoreRecords


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
