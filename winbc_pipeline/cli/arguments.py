"""Arguments of the commands: finds the flow or the field that a person has named."""

from collections.abc import Iterable

import typer

from ..flows import FLOWS
from ..settings import Settings
from ..sync.flow import Flow


def flows_of(name: str) -> list[Flow]:
    """The flow with an id, or both directions of a name.

    Raises: typer.BadParameter that lists all flows when there is none.
    """
    if found := [flow for flow in FLOWS if name in (flow.id, flow.name)]:
        return found
    raise typer.BadParameter(f"no flow {name}; there are {', '.join(flow.id for flow in FLOWS)}")


def flow_of(name: str, settings: Settings) -> Flow:
    """The flow with an id; of a name alone, the direction that is on.

    Where the settings of both let records go, it is the one that starts by itself; where that is none or both of them,
    the one to Business Central.

    Raises: typer.BadParameter as `flows_of`.
    """
    named = flows_of(name)
    ways = [flow for flow in named if flow.is_on(settings)] or named
    times = {flow.id: settings.timing(flow.id) for flow in ways}
    started = [flow for flow in ways if times[flow.id].sensors or times[flow.id].schedules]
    return min(started or ways, key=lambda flow: flow.target != "bc")


def field_of(name: str, flow: Flow, filled: Iterable[str]) -> str:
    """The field with a name, in capitals or not, of those that a flow's tables fill.

    Raises: typer.BadParameter that suggests a field when there is none.
    """
    from ..mapping.grammar import similar

    known = {each.lower(): each for each in filled}
    if name.lower() in known:
        return known[name.lower()]
    hint = f"{similar(name, known.values())} They fill {', '.join(known.values())}."
    raise typer.BadParameter(f"the tables of {flow.id} fill no field {name}. {hint}")
