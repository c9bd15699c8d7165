"""Rows of the reliability catalogue about runs as Dagster makes them, the database's file, and both directions at once;
each test names its row."""

import os
import shutil
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from dagster import AssetKey, DagsterInstance, DagsterRunStatus, build_sensor_context

from winbc_pipeline import clock
from winbc_pipeline.build import build_defs
from winbc_pipeline.flows.orders import ORDERS_TO_BC
from winbc_pipeline.orchestration.windows import range_tags
from winbc_pipeline.settings import OrderSettings

from ....support.bc_users import BcUsers
from ....support.flow_cases import winstore_state
from ....support.kept_open import let_go
from ....support.order_invariants import assert_invariants, assert_nothing_written
from ....support.sandboxes import REPOSITORY, Sandboxes
from .test_crashes import ITEM

pytestmark = pytest.mark.proof

FLOW = ORDERS_TO_BC.id
DAY = datetime(2026, 3, 3, tzinfo=UTC).date()
BOTH_WAYS = (FLOW, "order_status_winstore_to_bc", "orders_bc_to_winstore", "order_status_bc_to_winstore")
DYING = """
import sys
from datetime import date
from dagster import DagsterInstance
from winbc_pipeline.build import build_defs
from winbc_pipeline.orchestration.windows import range_tags
from winbc_pipeline.settings import load_settings
from winbc_pipeline.sync import crash_points

crash_points.armed["after answer"] = 1
tags = range_tags(date(2026, 3, 3), date(2026, 3, 3), load_settings())
with DagsterInstance.local_temp(sys.argv[1]) as instance:
    build_defs().resolve_job_def(sys.argv[2]).execute_in_process(instance=instance, tags=tags)
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


def fill(sandboxes: Sandboxes, count: int, first: int = 0) -> None:
    sandboxes.fill(orders=[{"order_number": f"W{number}"} for number in range(first, first + count)])


def run(sandboxes: Sandboxes, instance: DagsterInstance, **only: Any) -> bool:
    """Whether a run of the orders' day succeeds."""
    job = build_defs(settings=sandboxes.settings).resolve_job_def(FLOW)
    return job.execute_in_process(
        instance=instance, tags=range_tags(DAY, DAY, sandboxes.settings), raise_on_error=False, **only
    ).success


def made(sandboxes: Sandboxes) -> list[str]:
    """References of the orders that Business Central was sent."""
    sent = [w for w in sandboxes.bc()["writes"] if (w["method"], w["entity"]) == ("POST", "salesOrders")]
    return [write["body"]["externalDocumentNumber"] for write in sent]


def reasons(sandboxes: Sandboxes) -> set[str | None]:
    return {row["reason"] for row in sandboxes.ledger(FLOW).values()}


# Runs of Dagster.


def test_a_step_that_is_executed_again_sends_only_what_it_had_not_confirmed(sandboxes: Sandboxes, home: Path) -> None:
    """Row 25: a retry, or "re-execute from failure", after half of them."""
    sandboxes.seed_bc(items=[ITEM])
    fill(sandboxes, 40)
    one = sandboxes.settings.bc.model_copy(update={"in_flight": 1})
    sandboxes.settings = sandboxes.settings.model_copy(update={"bc": one, "orders": OrderSettings(batch_size=10)})
    refused = {"kind": "status", "status": 403, "path": "$batch", "method": "POST"}
    sandboxes.fault("bc", refused | {"nth": 4, "times": 9})  # the customer's batch and two of orders are answered
    with DagsterInstance.local_temp(str(home)) as instance:
        assert not run(sandboxes, instance)
        assert len(made(sandboxes)) == 20
        sandboxes.fault("bc")
        assert run(sandboxes, instance, asset_selection=[AssetKey(["synced", FLOW])])
    assert len(made(sandboxes)) == len(set(made(sandboxes))) == 40
    assert_invariants(sandboxes.settings, sandboxes.bc(), winstore_state(sandboxes), settled=True)


def test_a_tick_asks_for_one_run_and_each_change_has_its_own_key(
    sandboxes: Sandboxes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Row 26."""
    sandboxes.fill(orders=[{"modified_at": "2026-03-02T10:00:00.000Z"}])
    sandboxes.sync(FLOW)
    now = datetime(2026, 3, 10, 12, tzinfo=UTC)
    monkeypatch.setattr(clock, "now", lambda: now)
    sensor = build_defs(settings=sandboxes.settings).resolve_sensor_def(f"{FLOW}_changes")
    keys = []
    with DagsterInstance.ephemeral() as instance, build_sensor_context(instance) as context:
        for modified in ("2026-03-03T10:00:00.000Z", "2026-03-03T10:00:00.000Z", "2026-03-03T10:00:00.001Z"):
            sandboxes.fill(orders=[{"modified_at": modified}])
            requests = sensor.evaluate_tick(context).run_requests
            assert requests
            assert len(requests) == 1
            keys.append(requests[0].run_key)
    assert keys[0] == keys[1] != keys[2]


def test_an_order_that_waits_for_a_product_is_asked_for_once_products_came(
    sandboxes: Sandboxes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Row 55: nothing changes in Winstore's orders; the sensor itself asks for the run that sends it."""
    sandboxes.fill(orders=[{}])
    sandboxes.sync(FLOW)
    assert reasons(sandboxes) == {"DEPENDENCY"}
    sensor = build_defs(settings=sandboxes.settings).resolve_sensor_def(f"{FLOW}_changes")
    with DagsterInstance.ephemeral() as instance, build_sensor_context(instance) as context:
        assert sensor.evaluate_tick(context).run_requests == []
        sandboxes.sync("products")
        (asked,) = sensor.evaluate_tick(context).run_requests or []
        assert asked.tags["dagster/asset_partition_range_start"] <= DAY.isoformat()
        assert asked.tags["dagster/asset_partition_range_end"] >= DAY.isoformat()
        sandboxes.sync(FLOW)
        assert made(sandboxes) == ["WS-W1"]
        assert sensor.evaluate_tick(context).run_requests == []


def test_no_two_runs_of_a_flow_are_at_work_at_once(sandboxes: Sandboxes) -> None:
    """Row 26: every step is in the flow's pool, and a pool takes one run."""
    job = build_defs(settings=sandboxes.settings).resolve_job_def(FLOW)
    layers = [node for node in job.all_node_defs if node.name.startswith(("staging", "mapped__", "planned", "synced"))]
    assert len(layers) == 4
    assert {node.pool for node in layers} == {FLOW}
    assert instance_settings()["concurrency"]["pools"] == {"default_limit": 1, "granularity": "run"}


def test_a_run_that_was_killed_is_ended_by_monitoring_and_frees_its_pool() -> None:
    """Row 27."""
    monitoring = instance_settings()["run_monitoring"]
    assert monitoring["enabled"]
    assert monitoring["free_slots_after_run_end_seconds"] > 0


def instance_settings() -> dict[str, Any]:
    text = (REPOSITORY / "winbc_pipeline" / "defaults" / "dagster.yaml").read_text(encoding="utf-8")
    return yaml.safe_load(text)  # type: ignore[no-any-return]


def test_a_run_of_dagster_that_was_killed_is_completed_by_the_next(
    sandboxes: Sandboxes, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Row 27: killed between the answers and the ledger."""
    monkeypatch.setenv("WINBC_QUARANTINE_MINUTES", "0")
    sandboxes.settings = sandboxes.settings.model_copy(update={"quarantine_minutes": 0})
    sandboxes.seed_bc(items=[ITEM])
    fill(sandboxes, 3)
    own = {
        "WINBC_DATA_FOLDER": sandboxes.settings.data_folder,
        "WINBC_MAPPING_FOLDER": sandboxes.settings.mapping_folder,
    }
    environment = os.environ | {name: str(value) for name, value in own.items()}
    ended = subprocess.run([sys.executable, "-c", DYING, str(home), FLOW], env=environment, capture_output=True)
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()[-2000:]
    with DagsterInstance.local_temp(str(home)) as instance:
        (left,) = instance.get_runs()
        assert left.status == DagsterRunStatus.STARTED
        instance.report_run_failed(left, "as run monitoring does")
        for minutes in (0, 2):
            later = datetime.now(UTC) + timedelta(minutes=minutes)
            monkeypatch.setattr(clock, "now", lambda later=later: later)
            sandboxes.set_clock(now=later.isoformat())
            succeeded = run(sandboxes, instance)
    assert succeeded
    assert sorted(made(sandboxes)) == ["WS-W0", "WS-W1", "WS-W2"]


# The database's file.


def test_a_ledger_whose_file_is_gone_is_built_again_by_looking(sandboxes: Sandboxes) -> None:
    """Row 21."""
    let_go()
    sandboxes.seed_bc(items=[ITEM])
    fill(sandboxes, 50)
    sandboxes.sync(FLOW)
    before = sandboxes.bc()
    sandboxes.settings.flow_database(FLOW).unlink()
    sandboxes.without = {"I4"}
    assert sandboxes.sync(FLOW).failed == 0
    assert reasons(sandboxes) == {"LEDGER_EMPTY"}
    assert_nothing_written(before, sandboxes.bc())


def test_a_run_warns_of_a_ledger_that_is_gone(sandboxes: Sandboxes, home: Path) -> None:
    """Row 21: the alert."""
    let_go()
    sandboxes.seed_bc(items=[ITEM])
    fill(sandboxes, 3)
    sandboxes.sync(FLOW)
    sandboxes.settings.flow_database(FLOW).unlink()
    sandboxes.without = {"I4"}
    with DagsterInstance.local_temp(str(home)) as instance:
        assert run(sandboxes, instance)
        assert run(sandboxes, instance)
        runs = [record.dagster_run.run_id for record in instance.get_run_records()]
        said = [entry.user_message for run_id in runs for entry in instance.all_logs(run_id)]
    assert said.count(f"The ledger of {FLOW} was empty; 3 documents were there (LEDGER_EMPTY).") == 1


def test_a_file_of_yesterday_adopts_what_was_sent_since(sandboxes: Sandboxes) -> None:
    """Rows 22 and 90."""
    let_go()
    file, backup = sandboxes.settings.flow_database(FLOW), sandboxes.folder / "backup"
    sandboxes.seed_bc(items=[ITEM])
    fill(sandboxes, 2)
    sandboxes.sync(FLOW)
    shutil.copyfile(file, backup)
    fill(sandboxes, 3, first=2)
    sandboxes.sync(FLOW)
    before = sandboxes.bc()
    shutil.copyfile(backup, file)
    sandboxes.without = {"I4"}
    assert sandboxes.sync(FLOW).failed == 0
    assert {key for key, row in sandboxes.ledger(FLOW).items() if row["reason"] == "ADOPTED"} == {"W2", "W3", "W4"}
    assert_nothing_written(before, sandboxes.bc())


# Both directions.


@pytest.mark.parametrize(("done", "told"), [("release", "processing"), ("post", "completed")])
def test_a_status_that_winstore_was_told_writes_nothing_back(sandboxes: Sandboxes, done: str, told: str) -> None:
    """Row 60."""
    sandboxes.seed_bc(items=[ITEM])
    sandboxes.fill(orders=[{"status": "paid"}])
    bc_users = BcUsers(sandboxes)
    all_flows(sandboxes)
    (order,) = sandboxes.bc()["records"]["salesOrders"]
    bc_users.post(order) if done == "post" else bc_users.user("release", order)
    all_flows(sandboxes)
    before, state = sandboxes.bc(), winstore_state(sandboxes)
    assert [each["status"] for each in state["records"]["orders"]] == [told]
    for _ in range(3):
        all_flows(sandboxes)
    assert_nothing_written(before, sandboxes.bc())
    assert_nothing_written(state, winstore_state(sandboxes))


def all_flows(sandboxes: Sandboxes) -> None:
    for flow in BOTH_WAYS:
        assert sandboxes.sync(flow).failed == 0, flow
