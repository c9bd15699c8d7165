"""Arguments of the commands: from what people write to what it names."""

import typer

from ..flows import FLOWS, flow_named
from ..sync.flow import Flow


def flow_of(name: str, flows: tuple[Flow, ...] = FLOWS) -> Flow:
    """A flow by id or name; tells the ones there are when it is none."""
    try:
        return flow_named(name, flows)
    except StopIteration:
        raise typer.BadParameter(f"no flow {name}; there are {', '.join(flow.id for flow in flows)}") from None
