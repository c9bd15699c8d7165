"""Arguments of the commands: from what people write to what it names."""

from collections.abc import Iterable

import typer

from ..flows import FLOWS, flow_named
from ..sync.flow import Flow


def flow_of(name: str, flows: tuple[Flow, ...] = FLOWS) -> Flow:
    """A flow by id or name; tells the ones there are when it is none."""
    try:
        return flow_named(name, flows)
    except StopIteration:
        raise typer.BadParameter(f"no flow {name}; there are {', '.join(flow.id for flow in flows)}") from None


def field_of(name: str, flow: Flow, filled: Iterable[str]) -> str:
    """A field that a flow's tables fill, in capitals or not; suggests one when it is none."""
    from ..mapping.grammar import similar

    known = {each.lower(): each for each in filled}
    if name.lower() in known:
        return known[name.lower()]
    hint = f"{similar(name, known.values())} They fill {', '.join(known.values())}."
    raise typer.BadParameter(f"the tables of {flow.id} fill no field {name}. {hint}")
