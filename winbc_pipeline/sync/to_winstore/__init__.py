"""Records that go to Winstore, one call each: orders once, and statuses as often as they change.

decide.py decides what happens to one record. plan.py writes the plan table. push.py sends the plan. order_numbers.py
tells Winstore which document was made of its order. For people: docs/orders-to-winstore.md.
"""

from ...settings import Settings
from ...systems.winstore import Winstore
from ..sending import Sending
from ..session import address
from . import plan, push


def _name(settings: Settings, _: Winstore) -> str:
    return address(settings.winstore.base_url)


SENDING = Sending(
    open=Winstore, name=_name, has_any=None, plan=plan.plan, push=push.push, sends_once=True, compares_fields=False
)
