"""Sends the plan of actions."""

from ...systems.business_central import BusinessCentral
from .. import crash_points
from ..documents.batches import Sender
from ..documents.outbox import renew
from ..watermark import advance_watermark
from ..work import Work
from .plan import plan


def push(work: Work, target: BusinessCentral) -> None:
    """Sends what is planned. Every action has an outcome in the ledger afterwards."""
    renew(plan, work, target)
    crash_points.point("after plan")
    Sender(work, target).send()
    advance_watermark(work.connected)
