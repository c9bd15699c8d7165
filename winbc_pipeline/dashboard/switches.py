"""What starts a flow's runs by itself, as Dagster has it: the sensor that follows its source, and the sweep.

Here belongs: asking Dagster's own GraphQL in this process. Who may switch, and that it is noted: pages/settings.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import httpx
from starlette.types import ASGIApp

from ..errors import NotDone, SystemUnavailable
from .site import DAGSTER

Kind = Literal["sensor", "schedule"]
ENDINGS: Mapping[Kind, str] = {"sensor": "_changes", "schedule": "_sweep"}  # what their names have after the flow's
LIST = """
query Switches {
  repositoriesOrError {
    ... on RepositoryConnection {
      nodes {
        name
        location { name }
        sensors { name sensorState { id status } }
        schedules { name scheduleState { id status } }
      }
    }
  }
}"""
FAILED = "__typename ... on PythonError { message } ... on UnauthorizedError { message }"
TURNS: Mapping[tuple[Kind, bool], str] = {
    ("sensor", True): f"mutation On($to: SensorSelector!) {{ it: startSensor(sensorSelector: $to) {{ {FAILED} }} }}",
    ("sensor", False): f"mutation Off($to: String!) {{ it: stopSensor(id: $to) {{ {FAILED} }} }}",
    ("schedule", True): (
        f"mutation On($to: ScheduleSelector!) {{ it: startSchedule(scheduleSelector: $to) {{ {FAILED} }} }}"
    ),
    ("schedule", False): f"mutation Off($to: String!) {{ it: stopRunningSchedule(id: $to) {{ {FAILED} }} }}",
}


@dataclass(frozen=True)
class Switch:
    """A sensor or a schedule.

    Attributes:
        name: as Dagster has it.
        number: Dagster's id of its state.
        selector: by which Dagster finds it.
    """

    kind: Kind
    name: str
    is_on: bool
    number: str
    selector: Mapping[str, str]


async def switches(dagster: ASGIApp) -> dict[tuple[str, Kind], Switch]:
    """All sensors and schedules that follow a flow, by the flow's id.

    Raises: SystemUnavailable when Dagster does not tell them.
    """
    told = (await _ask(dagster, LIST, {}))["repositoriesOrError"].get("nodes", [])
    found = {}
    for repository in told:
        at = {"repositoryName": repository["name"], "repositoryLocationName": repository["location"]["name"]}
        for kind, ending in ENDINGS.items():
            for each in repository[f"{kind}s"]:
                name, state = each["name"], each[f"{kind}State"]
                if name.endswith(ending):
                    selector = {**at, f"{kind}Name": name}
                    is_on = state["status"] == "RUNNING"
                    found[name.removesuffix(ending), kind] = Switch(kind, name, is_on, state["id"], selector)
    return found


async def turn(dagster: ASGIApp, switch: Switch, on: bool) -> None:
    """Switches a sensor or a schedule on or off. Raises: NotDone, in Dagster's words, when it is not done."""
    to = switch.selector if on else switch.number
    told = (await _ask(dagster, TURNS[switch.kind, on], {"to": to}))["it"]
    if told["__typename"].endswith("Error"):
        reason = str(told.get("message", told["__typename"])).splitlines()[0]
        raise NotDone(f"{switch.name} was not switched: {reason}", "Load the page again.")


async def _ask(dagster: ASGIApp, query: str, variables: Mapping[str, Any]) -> dict[str, Any]:
    """What Dagster answers to a question of ours, which passes no door."""
    inside = httpx.ASGITransport(app=dagster, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=inside, base_url="http://localhost") as client:
        answer = await client.post(f"{DAGSTER}/graphql", json={"query": query, "variables": variables})
    try:
        told: dict[str, Any] = answer.json()["data"]
    except (ValueError, KeyError):
        told = {}
    if not told:
        raise SystemUnavailable("Dagster does not tell its sensors and schedules.", system="Dagster")
    return told
