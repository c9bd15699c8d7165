"""What starts a flow's runs by itself, as Dagster has it: the sensor that follows its source, and the sweep.

Here belongs: asking Dagster's own GraphQL in this process. Who may switch, and that it is noted: pages/settings.py.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from starlette.types import ASGIApp, Message, Scope

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
    body = json.dumps({"query": query, "variables": variables}).encode()
    headers = [(b"host", b"localhost"), (b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    path = f"{DAGSTER}/graphql"
    scope: Scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
    }
    scope.update(path=path, raw_path=path.encode(), root_path="", query_string=b"", headers=headers)
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]
    answer = bytearray()

    async def receive() -> Message:
        return waiting.pop() if waiting else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        answer.extend(message.get("body", b""))

    await dagster(scope, receive, send)
    try:
        told: dict[str, Any] = json.loads(answer)["data"]
    except (ValueError, KeyError):
        told = {}
    if not told:
        raise SystemUnavailable("Dagster does not tell its sensors and schedules.", system="Dagster")
    return told
