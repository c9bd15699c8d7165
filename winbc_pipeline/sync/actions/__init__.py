"""What a status of Winstore asks of a document in Business Central: ship and invoice it, delete it, or nothing.

An action cannot be taken back, so it follows the protocol of a new document (documents/), and is done once.
"""

from ...systems.business_central import BusinessCentral
from ..documents import has_any
from ..sending import Sending
from ..session import company_of
from . import plan, push

SENDING = Sending(
    open=BusinessCentral, name=company_of, has_any=has_any, plan=plan.plan, push=push.push, sends_once=True
)
