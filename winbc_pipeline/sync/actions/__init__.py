"""Actions that a status of Winstore asks for on a document in Business Central: ship and invoice it, or delete it.

An action cannot be undone. So it is done once, by the same protocol as a new document (documents/).
"""

from ...systems.business_central import BusinessCentral
from ..documents import has_any
from ..sending import Sending
from ..session import company_of
from . import plan, push

SENDING = Sending(
    open=BusinessCentral,
    name=company_of,
    has_any=has_any,
    plan=plan.plan,
    push=push.push,
    sends_once=True,
    compares_fields=False,
)
