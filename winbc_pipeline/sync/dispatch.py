"""Which kind of sending a flow has. No other module asks."""

from typing import Any

from . import actions, documents, records, to_winstore
from .flow import Flow
from .sending import Sending
from .stock import sending as stock


def sending_of(flow: Flow) -> Sending[Any]:
    """The kind of sending of a flow. It follows from the flow's data alone."""
    if flow.part(flow.main).owns:
        return stock.TO_WINSTORE if flow.target == "winstore" else stock.TO_BC
    if flow.target == "winstore":
        return records.TO_WINSTORE if flow.pairs else to_winstore.SENDING
    if flow.acts_on:
        return actions.SENDING
    return documents.SENDING if flow.document else records.SENDING
