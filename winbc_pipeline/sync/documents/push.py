"""Sends the plan of documents: first their customers, then the documents, then the documents' numbers to Winstore."""

from ...systems.business_central import BusinessCentral
from .. import crash_points
from ..plan_table import planned_slices
from ..records.push import Push
from ..to_winstore.order_numbers import send_order_numbers
from ..watermark import advance_watermark
from ..work import Work
from .batches import Sender
from .candidates import needed_document
from .outbox import customers_of, renew
from .plan import plan


def push(work: Work, target: BusinessCentral) -> None:
    """Sends what is planned. Every document has an outcome in the ledger afterwards."""
    crash_points.point("after lease")
    renew(plan, work, target)
    crash_points.point("after plan")
    _push_customers(work, target)
    crash_points.point("after customers")
    Sender(work, target).send()
    send_order_numbers(work)
    crash_points.point("after write-back")
    advance_watermark(work.connected)
    crash_points.point("after cursor")


def _push_customers(work: Work, target: BusinessCentral) -> None:
    """Sends the customers that the documents of the work need, and their contacts."""
    needed = None if work.keys is None else customers_of(work)
    for name in needed_document(work.flow).customer:
        keys = None if needed is None else {(name, key) for key in needed}
        Push(work, work.flow.part(name), target).send(planned_slices(work.only(keys), name))
