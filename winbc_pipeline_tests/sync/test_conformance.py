"""What every flow and direction must keep, whatever it carries."""

import logging
import time
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from dagster import AssetKey, DagsterInstance, build_schedule_context, build_sensor_context

from winbc_pipeline import clock
from winbc_pipeline.build import build_defs
from winbc_pipeline.flows import FLOWS
from winbc_pipeline.orchestration.windows import range_tags
from winbc_pipeline.settings import (
    CustomerSettings,
    OrdersToWinstoreSettings,
    ProductSettings,
    Settings,
    StockSettings,
)
from winbc_pipeline.staging.server.address import names_on
from winbc_pipeline.staging.store import Store
from winbc_pipeline.workbench.keeping import support_bundle

from ..support.bc_users import AT, BcUsers
from ..support.flow_cases import FLOW_CASES, SECOND_ARTICLE
from ..support.sandboxes import FIRST, Sandboxes, start_sync

pytestmark = pytest.mark.proof

LOOKED_UP = OrdersToWinstoreSettings(look_up="GetOrderChangesByDate")
FLOW_IDS = [flow.id for flow in FLOWS]


@pytest.fixture(autouse=True)
def both_directions(sandboxes: Sandboxes, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """The flow is on: customers go both ways, and stock belongs to the flow's source."""
    monkeypatch.setenv("WINBC_CUSTOMERS__DIRECTION", "both")
    monkeypatch.setenv("WINBC_PRODUCTS__DIRECTION", "both")
    callspec = getattr(request.node, "callspec", None)
    is_of_bc = callspec is not None and callspec.params.get("flow") == "stock_bc_to_winstore"
    stock = StockSettings(owner="bc" if is_of_bc else "winstore", warehouse="7")
    for name in ("owner", "warehouse"):
        monkeypatch.setenv(f"WINBC_STOCK__{name.upper()}", getattr(stock, name))
    both = {"customers": CustomerSettings(direction="both"), "products": ProductSettings(direction="both")}
    sandboxes.settings = sandboxes.settings.model_copy(update=both | {"stock": stock})


@pytest.mark.parametrize("flow", FLOW_IDS)
def test_a_rerun_writes_nothing(sandboxes: Sandboxes, flow: str) -> None:
    case = FLOW_CASES[flow]
    case.fill(sandboxes, False)
    first = sandboxes.sync(flow)
    assert first.created + first.updated == 2
    writes = len(case.written(sandboxes))

    again = sandboxes.sync(flow)

    assert (again.created, again.updated, again.failed) == (0, 0, 0)
    assert len(case.written(sandboxes)) == writes


@pytest.mark.parametrize("flow", FLOW_IDS)
def test_a_failed_record_does_not_hold_up_others_and_is_completed_by_a_rerun(sandboxes: Sandboxes, flow: str) -> None:
    case = FLOW_CASES[flow]
    case.fill(sandboxes, True)
    first = sandboxes.sync(flow)
    assert (first.created + first.updated, first.failed) == (1, 1)
    writes = len(case.written(sandboxes))

    case.fill(sandboxes, False)
    second = sandboxes.sync(flow)

    assert (second.created + second.updated, second.failed) == (1, 0)
    sent = case.written(sandboxes)[writes:]
    assert all(write["key"] != case.done for write in sent), "only what was missing is sent"


@pytest.mark.parametrize("flow", FLOW_IDS)
def test_a_window_with_a_failed_record_is_red_and_names_it(sandboxes: Sandboxes, flow: str, tmp_path: Path) -> None:
    case = FLOW_CASES[flow]
    case.fill(sandboxes, True)
    home = tmp_path / "home"
    home.mkdir()
    job = build_defs(settings=sandboxes.settings).resolve_job_def(flow)
    tags = range_tags(case.day, case.day, sandboxes.settings)
    with DagsterInstance.local_temp(str(home)) as instance:
        result = job.execute_in_process(instance=instance, tags=tags, raise_on_error=False)
        assert not result.success
        shown = instance.fetch_observations(AssetKey(("synced", flow)), limit=1).records
        assert [each.partition_key for each in shown] == [case.day.isoformat()], "its records show where it is red"
        failure = next(e for e in result.all_events if e.is_step_failure).step_failure_data.user_failure_data
        assert failure is not None
        assert case.broken in (failure.description or "")

        case.fill(sandboxes, False)
        assert job.execute_in_process(instance=instance, tags=tags, raise_on_error=False).success


PERSON = ("Xanthippe", "planted", "0999888777", "Plantedstreet")
SECRET = "sandbox-secret"


@pytest.mark.parametrize("flow", FLOW_IDS)
def test_people_and_secrets_are_nowhere_but_where_they_belong(
    sandboxes: Sandboxes,
    flow: str,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Test catalogue row 91: a run in which records fail, with debug logging. People are in the databases, and not in
    what Dagster stores, is printed, logged, bundled or written beside them; secrets are not even there."""
    caplog.set_level(logging.DEBUG)
    planted = {"first_name": "Xanthippe", "email": "planted.person@mail.example", "phone": "0999888777"}
    sandboxes.fill(customers=[planted, {"customer_id": "5", "email": "planted-no-at", "street": "Plantedstreet"}])
    buyer = {"displayName": "Xanthippe", "addressLine1": "Plantedstreet 0999888777", "email": "planted@mail.example"}
    sandboxes.seed_bc(customers=[buyer | {"number": "X1", "type": "Person"}])
    BcUsers(sandboxes).at(AT)
    for header in ({}, {"externalDocumentNumber": "WS-W1"}):
        BcUsers(sandboxes).call("POST", "salesOrders", {"customerNumber": "X1"} | header)
    home = tmp_path / "home"
    home.mkdir()
    job = build_defs(settings=sandboxes.settings).resolve_job_def(flow)
    with DagsterInstance.local_temp(str(home)) as instance:
        first, last = FIRST.replace(year=2026, month=3, day=1), FIRST.replace(year=2026, month=3, day=2)
        result = job.execute_in_process(
            instance=instance, tags=range_tags(first, last, sandboxes.settings), raise_on_error=False
        )
        steps = {event.step_key for event in result.all_events}
        assert f"synced__{flow}" in steps
    support_bundle.make(sandboxes.settings, tmp_path / "bundle.zip", [], with_checks=False)
    places = planted_places(home, sandboxes.settings, tmp_path / "bundle.zip")
    places |= {"what was printed": "".join(capfd.readouterr()), "what was logged": caplog.text}
    assert flow in places["Dagster's storage"], "the check looks at the right place"
    assert [(place, value) for place, text in places.items() for value in PERSON if value in text] == []
    places["the databases"] = in_databases(sandboxes.settings)
    assert places["the databases"], "the check finds them"
    assert [place for place, text in places.items() if SECRET in text] == []


def planted_places(home: Path, settings: Settings, bundle: Path) -> dict[str, str]:
    """What is in no database: all that Dagster stores, the files beside the databases, and the support bundle."""
    state = [path for path in settings.state_folder.rglob("*") if path.is_file() and ".duckdb" not in path.name]
    with zipfile.ZipFile(bundle) as packed:
        bundled = b"".join(packed.read(name) for name in packed.namelist())
    stored = b"".join(path.read_bytes() for path in home.rglob("*") if path.is_file())
    beside = b"".join(path.read_bytes() for path in state)
    texts = {"Dagster's storage": stored, "files beside the databases": beside, "the support bundle": bundled}
    return {place: content.decode("utf-8", "replace") for place, content in texts.items()}


def in_databases(settings: Settings) -> str:
    """All rows of all databases as text."""
    server, found = settings.state.address, []
    files = [path.stem for path in settings.state_folder.glob("*.duckdb")]
    for name in names_on(server, settings.connection) if server else files:
        with Store(settings.state_folder / f"{name}.duckdb").open() as connection:
            tables = "SELECT table_name FROM duckdb_tables() WHERE schema_name = current_schema()"
            for (table,) in connection.execute(tables).fetchall():
                rows = connection.execute(f'SELECT to_json(t)::VARCHAR FROM "{table}" AS t').fetchall()
                found += [text for (text,) in rows]
    return "\n".join(found)


@pytest.mark.parametrize("flow", FLOW_IDS)
@pytest.mark.parametrize("call", [1, pytest.param(2, marks=pytest.mark.soak), pytest.param(4, marks=pytest.mark.soak)])
def test_a_killed_run_is_completed_by_the_next_one(
    sandboxes: Sandboxes, flow: str, call: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = FLOW_CASES[flow]
    monkeypatch.setenv("WINBC_ORDERS_TO_WINSTORE__LOOK_UP", "GetOrderChangesByDate")
    monkeypatch.setenv("WINBC_QUARANTINE_MINUTES", "0")
    sandboxes.settings = Settings(
        **dict(sandboxes.settings) | {"quarantine_minutes": 0, "orders_to_winstore": LOOKED_UP}
    )
    case.many(sandboxes, 60)
    system, path = case.slow
    sandboxes.fault(system, {"kind": "slow", "path": path, "times": 60})
    process = start_sync(sandboxes, flow, "killed")
    ends = time.monotonic() + 120  # the machine may be busy
    while len(case.written(sandboxes)) < call * 10 and time.monotonic() < ends and process.is_alive():
        time.sleep(0.01)
    process.kill()
    process.join()
    assert call * 10 <= len(case.written(sandboxes)) < 60, "the run was killed in the middle of its work"
    sandboxes.fault(system)

    done = sandboxes.sync(flow)
    if case.looks_twice:
        later = datetime.now(UTC) + timedelta(seconds=61)
        monkeypatch.setattr(clock, "now", lambda: later)
        sandboxes.set_clock(now=later.isoformat())
        done = sandboxes.sync(flow)

    assert done.failed == 0
    arrived = case.arrived(sandboxes)
    assert len(arrived) == len(set(arrived)) == 60
    assert sandboxes.sync(flow).created == 0


@pytest.mark.parametrize("flow", FLOW_IDS)
def test_every_layer_shows_its_window_counts_and_records(sandboxes: Sandboxes, flow: str, tmp_path: Path) -> None:
    case = FLOW_CASES[flow]
    case.fill(sandboxes, False)
    job = build_defs(settings=sandboxes.settings).resolve_job_def(flow)
    with DagsterInstance.local_temp(str(tmp_path)) as instance:
        tags = range_tags(case.day, case.day, sandboxes.settings)
        result = job.execute_in_process(instance=instance, tags=tags, raise_on_error=False)
    made = [event.materialization for event in result.all_events if event.is_step_materialization]
    shown = {each.asset_key.path[0]: each.metadata for each in made if each.partition}
    assert list(shown) == ["staging", "mapped", "planned", "synced"]
    for layer in shown.values():
        assert layer["window"].value == case.day.isoformat()
        assert layer["run_seconds"].value > 0
        assert layer["dagster/partition_row_count"].value >= 1
        assert {"record", "outcome", "reason"} <= set(layer["records"].records[0].data)
    assert shown["synced"]["records_confirmed"].value >= 1


def test_only_the_windows_that_need_work_are_red(sandboxes: Sandboxes, tmp_path: Path) -> None:
    good, bad = FIRST.replace(year=2026, month=3, day=1), FIRST.replace(year=2026, month=3, day=2)
    modified = "2026-03-02T10:00:00.000Z"
    sandboxes.fill(customers=[{}, {"customer_id": "2", "email": "no-at-sign", "modified_at": modified}])
    home = tmp_path / "home"
    home.mkdir()
    job = build_defs(settings=sandboxes.settings).resolve_job_def("customers_winstore_to_bc")
    with DagsterInstance.local_temp(str(home)) as instance:
        result = job.execute_in_process(
            instance=instance, tags=range_tags(good, bad, sandboxes.settings), raise_on_error=False
        )
        key = AssetKey(("synced", "customers_winstore_to_bc"))
        assert not result.success
        assert instance.get_materialized_partitions(key) == {good.isoformat()}


def test_the_sensor_asks_for_a_run_once_and_only_when_something_changed(sandboxes: Sandboxes) -> None:
    sandboxes.fill()
    sandboxes.sync("products")
    sandboxes.fill(articles=[{"modified_at": "2026-03-04T10:00:00.000Z"}])
    sensor = build_defs(settings=sandboxes.settings).resolve_sensor_def("products_winstore_to_bc_changes")
    with DagsterInstance.ephemeral() as instance, build_sensor_context(instance) as context:
        (request,) = sensor.evaluate_tick(context).run_requests
        assert request.tags["dagster/asset_partition_range_start"] == "2026-03-04"
        sandboxes.sync("products")
        assert sensor.evaluate_tick(context).run_requests == []


def test_the_sweep_goes_back_to_the_window_of_a_failed_record(sandboxes: Sandboxes) -> None:
    sandboxes.fill(articles=[{"name": "x" * 101}, SECOND_ARTICLE | {"modified_at": "2026-04-01T10:00:00.000Z"}])
    sandboxes.sync("products")
    schedule = build_defs(settings=sandboxes.settings).resolve_schedule_def("products_winstore_to_bc_sweep")
    now = datetime(2026, 4, 2, tzinfo=UTC)
    with DagsterInstance.ephemeral() as instance, build_schedule_context(instance, now) as context:
        recent, failed = schedule.evaluate_tick(context).run_requests
    names = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")
    assert [recent.tags[name] for name in names] == ["2026-04-01", "2026-04-02"]
    assert [failed.tags[name] for name in names] == ["2026-03-02", "2026-03-02"], "and not all windows between"
