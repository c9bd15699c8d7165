"""What every flow and direction must keep, whatever it carries."""

import signal
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from dagster import AssetKey, DagsterInstance, build_schedule_context, build_sensor_context

from winbc_pipeline.build import build_defs
from winbc_pipeline.flows import FLOWS
from winbc_pipeline.orchestration.jobs import range_tags

from .conftest import FIRST, World, start_sync

FLOW_IDS = [flow.id for flow in FLOWS]
SECOND = {
    "customers": {"customer_id": "124", "email": "b@mail.example"},
    "products": {"sku": "SKU-2", "article_key": "2"},
}
BROKEN = {"customers": {"email": "no at sign"}, "products": {"name": "x" * 101}}


def fill(world: World, flow_id: str, first: dict[str, str]) -> None:
    rows = [first, SECOND[flow_id.split("_")[0]]]
    world.fill(customers=rows) if flow_id.startswith("customers") else world.fill(articles=rows)


@pytest.mark.parametrize("flow", FLOW_IDS)
def test_a_rerun_writes_nothing(world: World, flow: str) -> None:
    fill(world, flow, {})
    assert world.sync(flow).created == 2
    writes = len(world.bc()["writes"])

    again = world.sync(flow)

    assert (again.created, again.updated, again.failed) == (0, 0, 0)
    assert len(world.bc()["writes"]) == writes


@pytest.mark.parametrize("flow", FLOW_IDS)
def test_a_failed_record_does_not_hold_up_others_and_is_completed_by_a_rerun(world: World, flow: str) -> None:
    fill(world, flow, BROKEN[flow.split("_")[0]])
    first = world.sync(flow)
    assert (first.created, first.failed) == (1, 1)
    writes = len(world.bc()["writes"])

    fill(world, flow, {})
    second = world.sync(flow)

    assert (second.created, second.failed) == (1, 0)
    sent = world.bc()["writes"][writes:]
    assert all(write["key"] not in ("WS124", "SKU-2") for write in sent), "only what was missing is sent"


@pytest.mark.parametrize("flow", FLOW_IDS)
def test_a_window_with_a_failed_record_is_red_and_names_it(world: World, flow: str, tmp_path: Path) -> None:
    fill(world, flow, BROKEN[flow.split("_")[0]])
    home = tmp_path / "home"
    home.mkdir()
    job = build_defs(settings=world.settings).resolve_job_def(flow)
    day = FIRST.replace(year=2026, month=3, day=1 if flow.startswith("customers") else 2)
    with DagsterInstance.local_temp(str(home)) as instance:
        result = job.execute_in_process(instance=instance, tags=range_tags(day, day), raise_on_error=False)
        assert not result.success
        shown = instance.fetch_observations(AssetKey(("synced", flow)), limit=1).records
        assert [each.partition_key for each in shown] == [day.isoformat()], "its records are shown where it is red"
        failure = next(e for e in result.all_events if e.is_step_failure).step_failure_data.user_failure_data
        assert failure is not None
        assert "000123" in (failure.description or "") or "SKU-1" in (failure.description or "")

        fill(world, flow, {})
        assert job.execute_in_process(instance=instance, tags=range_tags(day, day), raise_on_error=False).success


@pytest.mark.parametrize("flow", FLOW_IDS)
def test_no_personal_data_in_dagsters_storage(world: World, flow: str, tmp_path: Path) -> None:
    planted = {"first_name": "Xanthippe", "email": "planted.person@mail.example", "phone": "0999888777"}
    world.fill(customers=[planted, {"customer_id": "5", "email": "planted-no-at", "street": "Plantedstreet"}])
    home = tmp_path / "home"
    home.mkdir()
    job = build_defs(settings=world.settings).resolve_job_def(flow)
    with DagsterInstance.local_temp(str(home)) as instance:
        day = FIRST.replace(year=2026, month=3, day=1)
        result = job.execute_in_process(instance=instance, tags=range_tags(day, day), raise_on_error=False)
        steps = {event.step_key for event in result.all_events}
        assert f"synced__{flow}" in steps
    stored = b"".join(path.read_bytes() for path in home.rglob("*") if path.is_file())
    assert flow.encode() in stored, "the check looks at the right place"
    for value in (b"Xanthippe", b"planted", b"0999888777", b"Plantedstreet", b"sandbox-secret"):
        assert value not in stored


@pytest.mark.parametrize("flow", FLOW_IDS)
@pytest.mark.parametrize("call", [1, 2, 4])
def test_a_killed_run_is_completed_by_the_next_one(world: World, flow: str, call: int) -> None:
    world.fill(
        customers=[{"customer_id": str(n), "email": f"{n}@mail.example"} for n in range(1, 61)],
        articles=[{"sku": f"S{n}", "article_key": str(n)} for n in range(1, 61)],
    )
    world.fault("bc", {"kind": "slow", "path": "$batch", "times": 9})
    process = start_sync(world, flow, "killed")
    ends = time.monotonic() + 30
    while len(world.bc()["writes"]) < call * 10 and time.monotonic() < ends and process.poll() is None:
        pass
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert len(world.bc()["writes"]) >= call * 10, "the run was killed in the middle of its work"

    done = world.sync(flow)

    assert done.failed == 0
    state = world.bc()["records"]
    numbers = [record["number"] for record in state["customers" if flow.startswith("customers") else "items"]]
    assert len(numbers) == len(set(numbers)) == 60
    assert world.sync(flow).created == 0


@pytest.mark.parametrize("flow", FLOW_IDS)
def test_every_layer_shows_its_window_counts_and_records(world: World, flow: str, tmp_path: Path) -> None:
    fill(world, flow, {})
    day = FIRST.replace(year=2026, month=3, day=1 if flow.startswith("customers") else 2)
    job = build_defs(settings=world.settings).resolve_job_def(flow)
    with DagsterInstance.local_temp(str(tmp_path)) as instance:
        result = job.execute_in_process(instance=instance, tags=range_tags(day, day), raise_on_error=False)
    made = [event.materialization for event in result.all_events if event.is_step_materialization]
    shown = {each.asset_key.path[0]: each.metadata for each in made if each.partition}
    assert list(shown) == ["staging", "mapped", "planned", "synced"]
    for layer in shown.values():
        assert layer["window"].value == day.isoformat()
        assert layer["run_seconds"].value > 0
        assert layer["dagster/partition_row_count"].value >= 1
        assert {"record", "outcome", "reason"} <= set(layer["records"].records[0].data)
    assert shown["synced"]["records_confirmed"].value >= 1


def test_only_the_windows_that_need_work_are_red(world: World, tmp_path: Path) -> None:
    good, bad = FIRST.replace(year=2026, month=3, day=1), FIRST.replace(year=2026, month=3, day=2)
    modified = "2026-03-02T10:00:00.000Z"
    world.fill(customers=[{}, {"customer_id": "2", "email": "no-at-sign", "modified_at": modified}])
    home = tmp_path / "home"
    home.mkdir()
    job = build_defs(settings=world.settings).resolve_job_def("customers_winstore_to_bc")
    with DagsterInstance.local_temp(str(home)) as instance:
        result = job.execute_in_process(instance=instance, tags=range_tags(good, bad), raise_on_error=False)
        key = AssetKey(("synced", "customers_winstore_to_bc"))
        assert not result.success
        assert instance.get_materialized_partitions(key) == {good.isoformat()}


def test_the_sensor_asks_for_a_run_once_and_only_when_something_changed(world: World) -> None:
    world.fill()
    sensor = build_defs(settings=world.settings).resolve_sensor_def("products_winstore_to_bc_changes")
    with DagsterInstance.ephemeral() as instance, build_sensor_context(instance) as context:
        (request,) = sensor.evaluate_tick(context).run_requests
        assert request.tags["dagster/asset_partition_range_start"] == "2026-03-02"
        world.sync("products")
        assert sensor.evaluate_tick(context).run_requests == []


def test_the_sweep_goes_back_to_the_window_of_a_failed_record(world: World) -> None:
    world.fill(articles=[{"name": "x" * 101}, SECOND["products"] | {"modified_at": "2026-04-01T10:00:00.000Z"}])
    world.sync("products")
    schedule = build_defs(settings=world.settings).resolve_schedule_def("products_winstore_to_bc_sweep")
    now = datetime(2026, 4, 2, tzinfo=UTC)
    with DagsterInstance.ephemeral() as instance, build_schedule_context(instance, now) as context:
        recent, failed = schedule.evaluate_tick(context).run_requests
    names = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")
    assert [recent.tags[name] for name in names] == ["2026-04-01", "2026-04-02"]
    assert [failed.tags[name] for name in names] == ["2026-03-02", "2026-03-02"], "and not all windows between"
