"""Several connections in one code location: apart in all that they do, and a broken one stops no other.

Source of the promises: docs/operations.md, "Several connections in one place".
"""

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import duckdb
import pytest
from dagster import (
    AssetCheckKey,
    AssetKey,
    DagsterInstance,
    DagsterRun,
    DagsterRunStatus,
    Definitions,
    SensorResult,
    build_schedule_context,
    build_sensor_context,
)
from dagster._core.definitions.reconstruct import ReconstructableRepository
from dagster._core.execution.api import execute_run
from dagster._core.workspace.load_target import WorkspaceFileTarget
from filelock import FileLock
from typer.testing import CliRunner

from winbc_pipeline import build, together
from winbc_pipeline.build import build_together
from winbc_pipeline.cli.dagster_home import _code
from winbc_pipeline.cli.main import app
from winbc_pipeline.cli.setup.served import check_alone, followed_in
from winbc_pipeline.cli.setup.ui import ui
from winbc_pipeline.cli.setup.up import up
from winbc_pipeline.errors import NotDone, NotWritable
from winbc_pipeline.flows import flow_named
from winbc_pipeline.orchestration import retention
from winbc_pipeline.orchestration.following.known import _read
from winbc_pipeline.orchestration.in_process import QUIET
from winbc_pipeline.orchestration.names import MAPPING, connections_of, loaded_for
from winbc_pipeline.orchestration.reconcile import COUNTS
from winbc_pipeline.orchestration.retention import purge_runs
from winbc_pipeline.orchestration.windows import range_tags
from winbc_pipeline.settings import Settings, beside, load_settings, locations, prefixes, restrict
from winbc_pipeline.sync.connected import ConnectedFlow

from ..support.flow_cases import FLOW_CASES
from ..support.sandboxes import REPOSITORY, Sandboxes
from ..support.servers import started

ORDERS = "orders_winstore_to_bc"
CASE = FLOW_CASES[ORDERS]
DAY = CASE.day
NOW = datetime(2026, 3, 2, 4, tzinfo=UTC)
SHARED = f"""
location = 1
sensors = true
history_start = {DAY.isoformat()}
mapping_folder = "{REPOSITORY / "mapping_tables"}"
[guards]
enabled = false
"""


@dataclass(frozen=True)
class Summary:
    """A comparison that found both systems alike."""

    agrees: bool = True
    figures: dict[str, int | str] = field(default_factory=dict)
    in_words: str = "alike"


def connection(name: str, secrets: dict[str, str], toml: str = "", mode: int = 0o600) -> Path:
    folder = Path("connections", name)
    folder.mkdir(parents=True)
    (folder / "winbc.toml").write_text(f'connection = "{name}"\n{toml}')
    env = folder / ".env"
    env.write_text("".join(f"{key}='{value}'\n" for key, value in secrets.items()))
    env.chmod(mode)
    return folder.resolve()


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("connections").mkdir()
    Path("connections", "defaults.toml").write_text(SHARED)
    return tmp_path


@pytest.fixture
def shops(place: Path) -> Iterator[dict[str, Sandboxes]]:
    """Two connections with a shop and books of their own; the second shop has one order more."""
    with ExitStack() as stack:
        made = {}
        for name, count in (("utrecht", 2), ("den-haag", 3)):
            servers = stack.enter_context(started())
            folder = connection(name, servers.addresses.environment())
            made[name] = Sandboxes(servers.addresses, load_settings(folder), folder)
            CASE.many(made[name], count)
        yield made


def served() -> Definitions:
    return build_together(beside(1))


def run(defs: Definitions, instance: DagsterInstance, shop: Sandboxes, flow: str = ORDERS) -> Any:
    job = defs.resolve_job_def(f"{shop.settings.prefix}__{flow}")
    tags = range_tags(DAY, DAY, shop.settings)
    return job.execute_in_process(instance=instance, tags=tags, raise_on_error=False, run_config=QUIET)


def references(shop: Sandboxes) -> list[str]:
    return sorted(order["externalDocumentNumber"] for order in shop.bc()["records"].get("salesOrders", []))


@pytest.mark.proof
def test_two_connections_send_the_same_order_numbers_each_once_to_its_own_books(shops: dict[str, Sandboxes]) -> None:
    defs = served()
    with DagsterInstance.ephemeral() as instance:
        for _ in range(2):
            for shop in shops.values():
                assert run(defs, instance, shop).success
        assert references(shops["utrecht"]) == ["WS-W1", "WS-W2"]
        assert references(shops["den-haag"]) == ["WS-W1", "WS-W2", "WS-W3"]
        for shop in shops.values():
            assert shop.settings.flow_database(ORDERS).is_relative_to(shop.folder)
            done = instance.get_latest_materialization_event(AssetKey((shop.settings.prefix, "synced", ORDERS)))
            assert done
        assert instance.get_latest_materialization_event(AssetKey(("synced", ORDERS))) is None
        assert {each.tags["winbc/connection"] for each in instance.get_runs()} == {"utrecht", "den_haag"}


def test_a_process_that_executes_a_run_loads_its_connection_only(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("winbc_pipeline.settings.several._only", set())
    for name in ("den-haag", "utrecht"):
        connection(name, {})
    run = DagsterRun(job_name="__ASSET_JOB", asset_selection={AssetKey(("utrecht", "synced", ORDERS))})
    restrict(connections_of(run))
    assert [each.name for each in beside(1)] == ["utrecht"]


def test_a_run_of_a_check_alone_is_one_of_its_connection() -> None:
    """Nothing else tells `run_retention` of the connection to delete it."""
    check = AssetCheckKey(AssetKey(("utrecht", "synced", ORDERS)), "on_time")
    assert connections_of(DagsterRun(job_name="__ASSET_JOB", asset_check_selection={check})) == {"utrecht"}


def test_dagster_loads_a_code_location_by_its_name(place: Path) -> None:
    together._location.cache_clear()
    connection("utrecht", {})
    repository = ReconstructableRepository.for_module("winbc_pipeline.together", "location_1").get_definition()
    assert repository.has_job(f"utrecht__{ORDERS}")


def test_the_numbers_of_locations_become_code_locations_beside_that_of_the_folder(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, number in (("utrecht", 1), ("den-haag", 2)):
        connection(name, {}, f"location = {number}\n")
    file = str(place / "workspace.yaml")
    assert _code(place) == ["-w", file]
    names = ["winbc-1", "winbc-2"]
    assert [each.location_name for each in WorkspaceFileTarget([file]).create_origins()] == names
    monkeypatch.setenv("WINBC_BC__BASE_URL", "https://bc.example")
    _code(place)
    origins = WorkspaceFileTarget([file]).create_origins()
    assert [each.location_name for each in origins] == ["winbc", *names], "the folder is a connection, too"


def test_without_connections_that_are_served_together_the_code_is_that_of_the_folder(place: Path) -> None:
    connection("alone", {}, "location = 0\n")
    assert _code(place) == ["-m", "winbc_pipeline.definitions"]


def test_a_connection_that_others_serve_does_not_start_by_itself(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    utrecht = connection("utrecht", {})
    monkeypatch.chdir(utrecht)
    for start in (up, ui):
        with pytest.raises(NotDone, match="served together"):
            start()
    assert followed_in(load_settings()) == place / ".winbc" / "default" / "dagster_home"


def test_the_list_tells_which_connection_is_broken_while_others_are_served(place: Path) -> None:
    connection("good", {})
    connection("wrong", {}, 'window = "year"\n')
    home = place / ".winbc" / "default" / "dagster_home"
    home.mkdir(parents=True)
    with FileLock(str(home / "served.lock")):
        rows = CliRunner().invoke(app, ["connection", "list"], env={"COLUMNS": "200"}).output.splitlines()
    told = [(line.split()[0], line.split()[-1]) for line in rows if "connections/" in line]
    assert told == [("good", "yes"), ("wrong", "broken")]


def test_nothing_serves_a_connection_that_is_up_by_itself(place: Path) -> None:
    connection("no-toml", {}, "this is no toml")
    home = connection("utrecht", {}) / ".winbc" / "utrecht" / "dagster_home"
    home.mkdir(parents=True)
    check_alone(load_settings())
    with FileLock(str(home / "served.lock")), pytest.raises(NotDone, match="utrecht is up by itself"):
        check_alone(load_settings())


def test_a_connection_is_not_taken_away_while_it_is_served_with_others(place: Path) -> None:
    folder = connection("utrecht", {})
    home = place / ".winbc" / "default" / "dagster_home"
    home.mkdir(parents=True)
    with FileLock(str(home / "served.lock")):
        told = CliRunner().invoke(app, ["connection", "remove", "utrecht", "--yes"])
        assert "together with others" in str(told.exception) + told.output
        assert folder.exists()
    assert CliRunner().invoke(app, ["connection", "remove", "utrecht", "--yes"]).exit_code == 0
    assert not folder.exists()


@pytest.mark.proof
def test_one_sensor_requests_the_runs_of_all_connections(shops: dict[str, Sandboxes]) -> None:
    defs = served()
    with DagsterInstance.ephemeral() as instance:
        for shop in shops.values():
            assert run(defs, instance, shop).success
        _read.clear()
        result = defs.resolve_sensor_def("changes")(build_sensor_context(instance))
        assert isinstance(result, SensorResult)
        asked = {request.job_name for request in result.run_requests or ()}
        # What was loaded has no change; the other flows were never loaded.
        assert {"utrecht__customers_winstore_to_bc", "den_haag__customers_winstore_to_bc"} <= asked
        assert not asked & {f"utrecht__{ORDERS}", f"den_haag__{ORDERS}"}
        assert len({request.run_key for request in result.run_requests or ()}) == len(asked)
        shops["den-haag"].fill(orders=[{"order_number": "W9", "modified_at": "2030-01-01T00:00:00.000Z"}])
        result = defs.resolve_sensor_def("changes")(build_sensor_context(instance))
        assert isinstance(result, SensorResult)
        asked = {request.job_name for request in result.run_requests or ()}
        assert f"den_haag__{ORDERS}" in asked
        assert f"utrecht__{ORDERS}" not in asked


def test_a_connection_that_cannot_be_used_is_shown_with_its_error_and_stops_no_other(place: Path) -> None:
    connection("good", {})
    connection("no-toml", {}, "this is no toml")
    connection("wrong", {}, 'window = "year"\n')
    connection("open", {"WINBC_BC__CLIENT_SECRET": "s3cret"}, mode=0o644)
    connection("bad_cron", {}, 'sweep_cron = "never"\n')
    connection("other", {}).joinpath("winbc.toml").write_text('connection = "good"\n')
    graph = served().resolve_asset_graph()
    texts = {
        key.path[0]: graph.get(key).description or "" for key in graph.get_all_asset_keys() if "broken" in key.path
    }
    assert set(texts) == {"no_toml", "wrong", "open", "bad_cron", "other"}
    assert "winbc.toml" in texts["no_toml"]
    assert "window" in texts["wrong"]
    assert "chmod 600" in texts["open"]
    assert "s3cret" not in texts["open"]
    assert "sweep_cron" in texts["bad_cron"]
    assert "connection is good" in texts["other"]
    assert AssetKey(("good", "synced", ORDERS)) in graph.get_all_asset_keys()


@pytest.mark.proof
def test_what_forks_runs_has_the_tables_that_connections_share(place: Path) -> None:
    connection("utrecht", {})
    program = f"""
import winbc_pipeline.orchestration.launcher.preload
from winbc_pipeline.sync.connected import _made
print({ORDERS!r} in {{flow for _, flow, _ in _made}})
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True"]


def test_edited_tables_start_nothing_in_a_connection_whose_sensors_are_off(place: Path) -> None:
    connection("good", {})
    connection("quiet", {}, "sensors = false\n")
    with DagsterInstance.ephemeral() as instance:
        result = served().resolve_sensor_def("mapping_tables_edited")(build_sensor_context(instance))
    assert isinstance(result, SensorResult)
    (request,) = result.run_requests or ()
    assert request.tags["winbc/connection"] == "good", "it is a run of that connection"
    assert {key.path[0] for key in request.asset_selection or ()} == {"good"}


def two_that_answer(monkeypatch: pytest.MonkeyPatch, answer: Callable[[str], Summary]) -> list[str]:
    """Makes two connections whose orders are compared by a function of the connection's name; returns those asked."""
    for name in ("den-haag", "utrecht"):
        connection(name, {})
    asked = []

    def ask(connected: ConnectedFlow) -> Summary:
        asked.append(connected.settings.connection)
        return answer(connected.settings.connection)

    monkeypatch.setitem(build.ASKS, COUNTS, (lambda connected: connected.flow.id == ORDERS, ask))
    return asked


@pytest.mark.parametrize(
    ("tags", "done"), [({"winbc/connection": "den_haag"}, ["den-haag"]), ({}, ["den-haag", "utrecht"])]
)
def test_a_run_of_a_job_that_connections_share_is_of_the_one_that_its_tag_names(
    place: Path, monkeypatch: pytest.MonkeyPatch, tags: dict[str, str], done: list[str]
) -> None:
    asked = two_that_answer(monkeypatch, lambda _: Summary())
    kept = []
    monkeypatch.setattr(retention, "keep_young", lambda settings, _: kept.append(settings.connection))
    defs = served()
    with DagsterInstance.ephemeral() as instance:
        for job in (COUNTS, "run_retention"):
            assert defs.resolve_job_def(job).execute_in_process(instance=instance, tags=tags, run_config=QUIET).success
    assert (asked, kept) == (done, done)


def test_a_database_that_refuses_stops_no_other_comparison_and_its_value_is_not_shown(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(name: str) -> Summary:
        if name == "den-haag":
            raise duckdb.ConversionException("Could not convert string 'Ada Lovelace'")
        return Summary(agrees=False, in_words="1 order is missing")

    asked = two_that_answer(monkeypatch, answer)
    with DagsterInstance.ephemeral() as instance:
        job = served().resolve_job_def(COUNTS)
        result = job.execute_in_process(instance=instance, raise_on_error=False, run_config=QUIET)
    (failed,) = (event.step_failure_data for event in result.all_events if event.is_step_failure)
    told = str(failed.error)
    assert asked == ["den-haag", "utrecht"]
    assert f"den_haag__{ORDERS}: E-WINBC" in told and f"utrecht__{ORDERS}: the two systems do not agree" in told
    assert "Ada" not in told


def test_a_connection_that_cannot_be_tidied_leaves_the_others_tidied(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("den-haag", "utrecht"):
        connection(name, {})
    kept = []

    def keep(settings: Settings, _: datetime) -> None:
        kept.append(settings.connection)
        if settings.connection == "den-haag":
            raise NotWritable("kept", "The disk is full.")

    monkeypatch.setattr(retention, "keep_young", keep)
    with DagsterInstance.ephemeral() as instance:
        job = served().resolve_job_def("run_retention")
        result = job.execute_in_process(instance=instance, raise_on_error=False, run_config=QUIET)
    (failed,) = (event.step_failure_data for event in result.all_events if event.is_step_failure)
    assert kept == ["den-haag", "utrecht"] and "The disk is full." in str(failed.error)


def test_a_run_of_all_mapping_tables_has_all_its_steps_whatever_tag_somebody_gave_it(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("winbc_pipeline.settings.several._only", set())
    monkeypatch.setattr("winbc_pipeline.together._location", lambda number: build_together(beside(number)))
    for name in ("den-haag", "utrecht"):
        connection(name, {})
    with DagsterInstance.ephemeral() as instance:
        asked = instance.create_run_for_job(served().resolve_job_def(MAPPING), tags={"winbc/connection": "utrecht"})
        restrict(loaded_for(asked))  # as its process does
        process = ReconstructableRepository.for_module("winbc_pipeline.together", "location_1")
        result = execute_run(process.get_reconstructable_job(MAPPING), asked, instance)
    done = {str(event.step_key).partition("__")[0] for event in result.get_step_success_events()}
    assert done == {"den_haag", "utrecht"}


def test_each_connection_has_a_schedule_of_its_own_for_the_jobs_that_all_share(place: Path) -> None:
    for name in ("den-haag", "utrecht"):
        connection(name, {})
    defs = served()
    for prefix in ("den_haag", "utrecht"):
        for name, job in (("counts_schedule", "counts"), ("run_retention_nightly", "run_retention")):
            schedule = defs.resolve_schedule_def(f"{prefix}__{name}")
            (request,) = schedule.evaluate_tick(build_schedule_context(scheduled_execution_time=NOW)).run_requests or ()
            assert (schedule.job_name, request.tags["winbc/connection"]) == (job, prefix)


@pytest.mark.parametrize(("there", "stay"), [(True, ["den_haag", ""]), (False, ["gone", "den_haag", ""])])
def test_old_runs_of_a_connection_that_was_removed_go(place: Path, there: bool, stay: list[str]) -> None:
    """Where no folder is seen, such as of a disk that is away, all stay."""
    if there:
        connection("den-haag", {})
        connection("utrecht", {})
    with DagsterInstance.ephemeral() as instance:
        for prefix in ("gone", "den_haag", ""):
            instance.add_run(
                DagsterRun(
                    job_name="counts",
                    run_id=str(uuid4()),
                    status=DagsterRunStatus.SUCCESS,
                    tags={"winbc/connection": prefix} if prefix else {},
                )
            )
        purge_runs(instance, datetime.now(UTC) + timedelta(days=1), "utrecht", prefixes())
        left = [run.tags.get("winbc/connection", "") for run in instance.get_runs()]
    assert sorted(left) == sorted(stay)


def test_two_names_that_dagster_cannot_tell_apart_are_both_refused(place: Path) -> None:
    connection("den-haag", {})
    connection("den_haag", {})
    assert [each.settings for each in beside(1)] == [None, None]
    assert "almost the name" in beside(1)[0].error


def test_what_a_connection_says_itself_goes_before_what_all_share(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WINBC_SENSOR_SECONDS", "7")
    monkeypatch.setenv("WINBC_WINSTORE__USER", "all")
    utrecht = connection("utrecht", {"WINBC_WINSTORE__USER": "own"}, "overlap_minutes = 3\n")
    settings = load_settings(utrecht)
    assert (settings.winstore.user, settings.overlap_minutes, settings.sensor_seconds) == ("own", 3, 7)
    assert settings.history_start == DAY
    assert settings.state_folder == utrecht / ".winbc" / "utrecht"
    monkeypatch.chdir(utrecht)
    alone = load_settings()
    assert (alone.overlap_minutes, alone.history_start, alone.data_folder) == (3, DAY, Path(".winbc"))
    assert (alone.prefix, alone.winstore.user) == ("", "all"), "by itself the environment wins, as ever"


def test_what_the_env_file_of_the_folder_above_gives_is_no_other_connections(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dagster puts it into the environment: a password would go to another connection's system."""
    (place / ".env").write_text("WINBC_WINSTORE__PASSWORD=above\n")
    (place / ".env").chmod(0o600)
    monkeypatch.setenv("WINBC_WINSTORE__PASSWORD", "above")
    monkeypatch.setenv("WINBC_WINSTORE__USER", "all")
    utrecht = load_settings(connection("utrecht", {})).winstore
    assert (utrecht.user, utrecht.password.get_secret_value()) == ("all", "")
    assert load_settings().winstore.password.get_secret_value() == "above"


def test_a_connection_says_which_code_location_serves_it(place: Path) -> None:
    connection("alone", {}, "location = 0\n")
    connection("first", {})
    connection("second", {}, "location = 2\n")
    assert {number: [each.name for each in folders] for number, folders in locations().items()} == {
        1: ["first"],
        2: ["second"],
    }


class Overtaken(dict[Any, Any]):
    """Kept tables, each of which another thread replaces at once by those of another connection."""

    def __setitem__(self, name: Any, value: Any) -> None:
        super().__setitem__(name, ("of another", {}))


def test_connections_with_one_mapping_folder_never_get_the_tables_of_each_other(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("winbc_pipeline.sync.connected._made", Overtaken())
    assert ConnectedFlow(flow_named(ORDERS), load_settings(connection("utrecht", {}))).compiled()


def test_secrets_are_renewed_in_the_connection_whose_file_changed(place: Path) -> None:
    from winbc_pipeline.secret_sources import current

    folders = [connection(name, {"WINBC_WINSTORE__PASSWORD": "old"}) for name in ("one", "two")]
    loaded: list[Settings] = [load_settings(folder) for folder in folders]
    (folders[1] / ".env").write_text("WINBC_WINSTORE__PASSWORD=new\n")
    assert [current("winstore.password", "old", each.winstore.folder) for each in loaded] == ["old", "new"]


def test_an_edit_of_a_shared_table_is_noticed_in_each_connection_that_has_none_of_its_own(place: Path) -> None:
    """So what was made with it is out of date there, and nowhere else. Source: docs/mapping.md, "A shared folder"."""
    shared = Path("connections", "shared_tables")
    shutil.copytree(REPOSITORY / "mapping_tables", shared)
    toml = SHARED.replace(f'mapping_folder = "{REPOSITORY / "mapping_tables"}"', 'mapping_base = "../shared_tables"')
    Path("connections", "defaults.toml").write_text(toml)
    own = connection("den-haag", {}) / "mapping_tables" / ORDERS
    connection("utrecht", {})
    own.mkdir(parents=True)
    shutil.copyfile(shared / ORDERS / "order.csv", own / "order.csv")
    edited = served().resolve_sensor_def("mapping_tables_edited")
    with DagsterInstance.ephemeral() as instance:
        first = edited(build_sensor_context(instance))
        assert isinstance(first, SensorResult)
        with (shared / ORDERS / "order.csv").open("a", encoding="utf-8") as file:
            file.write("\n")
        second = edited(build_sensor_context(instance, cursor=first.cursor))
    assert isinstance(second, SensorResult)
    assert [request.tags["winbc/connection"] for request in second.run_requests or ()] == ["utrecht"]
