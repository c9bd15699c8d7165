"""Arguments of the commands: finds the flow or the field that a person has named."""

from collections.abc import Iterable

import typer

from ..flows import FLOWS, flow_named
from ..settings import Settings
from ..sync.flow import Flow


def flow_of(name: str) -> Flow:
    """The flow with an id or name.

    Raises: typer.BadParameter that lists all flows when there is none.
    """
    try:
        return flow_named(name)
    except StopIteration:
        known = ", ".join(flow.id for flow in FLOWS)
        raise typer.BadParameter(f"no flow {name}; there are {known}") from None


def switched_on(name: str, settings: Settings) -> Flow:
    """The flow with an id; of a name alone, the direction that is on.

    Raises: typer.BadParameter as `flow_of`.
    """
    flow = flow_of(name)
    ways = [each for each in FLOWS if each.name == name and each.is_on(settings)]
    return ways[0] if ways else flow


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
