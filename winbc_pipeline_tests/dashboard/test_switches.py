"""Sensors and sweeps, switched on the page of settings by Dagster's own API. Source: docs/dashboard.md (Settings)."""

import sys
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from dagster import (
    DagsterInstance,
    Definitions,
    RunRequest,
    ScheduleDefinition,
    SensorDefinition,
    job,
    op,
)
from dagster._core.remote_origin import CodeLocationOrigin, InProcessCodeLocationOrigin
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import WorkspaceLoadTarget
from dagster_webserver.webserver import DagsterWebserver
from starlette.testclient import TestClient
from starlette.types import ASGIApp

from winbc_pipeline.dashboard.guard.access import Role
from winbc_pipeline.dashboard.site import DAGSTER
from winbc_pipeline.settings import Settings

from ..support.acts import acts_of
from ..support.dashboard import browser, door_of

FLOW = "orders_winstore_to_bc"


@op
def nothing() -> None:
    """Does nothing."""


@job
def orders() -> None:
    """Does nothing."""
    nothing()


defs = Definitions(
    sensors=[SensorDefinition(name=f"{FLOW}_changes", job=orders, evaluation_fn=lambda _: RunRequest())],
    schedules=[ScheduleDefinition(name=f"{FLOW}_sweep", job=orders, cron_schedule="0 * * * *")],
)


class _InThisProcess(WorkspaceLoadTarget):
    def create_origins(self) -> Sequence[CodeLocationOrigin]:
        code = LoadableTargetOrigin(executable_path=sys.executable, module_name=__name__, attribute="defs")
        return [InProcessCodeLocationOrigin(code, location_name="here")]


@pytest.fixture(scope="module")
def dagster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ASGIApp]:
    """Dagster's own webserver with one flow."""
    with (
        warnings.catch_warnings(action="ignore", category=DeprecationWarning),  # Dagster's, of its own property
        DagsterInstance.local_temp(str(tmp_path_factory.mktemp("dagster"))) as instance,
        WorkspaceProcessContext(instance, _InThisProcess()) as process,
    ):
        yield DagsterWebserver(process, app_path_prefix=DAGSTER).create_asgi_app()


def settings_page(folder: Path, dagster: ASGIApp, role: Role) -> TestClient:
    settings = Settings(data_folder=folder)
    return browser(door_of(folder, settings=settings, dagster=dagster), role)


def states(client: TestClient) -> list[str]:
    """What the page offers: to switch on what is off, and off what is on."""
    text = client.get("/settings/switches").text
    return [to for to in text.split('name="to" value="')[1:] for to in [to.partition('"')[0]]]


@pytest.mark.parametrize("kind", ["sensor", "schedule"])
def test_a_sensor_or_a_sweep_is_switched_on_and_off_and_it_is_noted(
    tmp_path: Path, dagster: ASGIApp, kind: str
) -> None:
    client = settings_page(tmp_path, dagster, "operate")
    shown = [states(client)]
    for to in ("on", "off"):
        assert client.post("/settings/switch", data={"flow": FLOW, "kind": kind, "to": to}).status_code == 200
        shown.append(states(client))
    switched = ["off", "on"] if kind == "sensor" else ["on", "off"]
    assert shown == [["on", "on"], switched, ["on", "on"]]
    name = f"{FLOW}_changes" if kind == "sensor" else f"{FLOW}_sweep"
    noted = [(each.who, each.subject) for each in acts_of(Settings(data_folder=tmp_path))]
    assert noted == [("dashboard:operate", f"{name} on"), ("dashboard:operate", f"{name} off")]


def test_a_role_that_only_looks_sees_what_is_on_and_switches_nothing(tmp_path: Path, dagster: ASGIApp) -> None:
    client = settings_page(tmp_path, dagster, "view")
    assert ">off<" in client.get("/settings/switches").text and states(client) == []
    assert client.post("/settings/switch", data={"flow": FLOW, "kind": "sensor", "to": "on"}).status_code == 403


@pytest.mark.parametrize("wrong", [{"flow": "none"}, {"kind": "job"}, {"to": "maybe"}])
def test_what_is_no_switch_is_refused(tmp_path: Path, dagster: ASGIApp, wrong: dict[str, str]) -> None:
    asked = {"flow": FLOW, "kind": "sensor", "to": "on"} | wrong
    assert settings_page(tmp_path, dagster, "admin").post("/settings/switch", data=asked).status_code == 400


def test_a_dagster_that_does_not_answer_is_named(tmp_path: Path) -> None:
    async def broken(_: object, __: object, ___: object) -> None:
        raise RuntimeError("no code location")

    answer = settings_page(tmp_path, broken, "view").get("/settings/switches")
    assert answer.status_code == 503 and "Dagster" in answer.text
