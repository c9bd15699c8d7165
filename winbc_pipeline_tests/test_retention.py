"""Old runs go only when every window of theirs was materialised again."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from dagster import DagsterInstance

from winbc_pipeline.build import build_defs
from winbc_pipeline.orchestration.jobs import range_tags
from winbc_pipeline.orchestration.retention import purge_runs

from .conftest import FIRST, World

DAY = FIRST.replace(year=2026, month=3, day=1)
FLOW = "customers_winstore_to_bc"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


def run(world: World, instance: DagsterInstance, days: int = 1) -> str:
    job = build_defs(settings=world.settings).resolve_job_def(FLOW)
    tags = range_tags(DAY, DAY + timedelta(days=days - 1))
    return job.execute_in_process(instance=instance, tags=tags, raise_on_error=False).run_id


def left(instance: DagsterInstance) -> list[str]:
    return [run.run_id for run in instance.get_runs()]


def test_a_superseded_run_goes_and_the_newest_stays(world: World, home: Path) -> None:
    world.fill()
    with DagsterInstance.local_temp(str(home)) as instance:
        run(world, instance)
        newest = run(world, instance)
        assert purge_runs(instance, datetime.now(UTC) + timedelta(days=1)) == 1
        assert left(instance) == [newest]


def test_a_run_with_a_window_that_nobody_repeated_stays(world: World, home: Path) -> None:
    world.fill()
    with DagsterInstance.local_temp(str(home)) as instance:
        two_windows, one_window = run(world, instance, days=2), run(world, instance)
        assert purge_runs(instance, datetime.now(UTC) + timedelta(days=1)) == 0
        assert set(left(instance)) == {two_windows, one_window}


def test_a_failed_run_stays_until_its_window_is_mended(world: World, home: Path) -> None:
    world.fill(customers=[{"email": "no at sign"}])
    with DagsterInstance.local_temp(str(home)) as instance:
        failed = run(world, instance)
        assert purge_runs(instance, datetime.now(UTC) + timedelta(days=1)) == 0
        world.fill()
        mended = run(world, instance)
        assert purge_runs(instance, datetime.now(UTC) + timedelta(days=1)) == 1
        assert left(instance) == [mended], failed


def test_young_runs_stay(world: World, home: Path) -> None:
    world.fill()
    with DagsterInstance.local_temp(str(home)) as instance:
        both = {run(world, instance), run(world, instance)}
        assert purge_runs(instance, datetime.now(UTC) - timedelta(days=30)) == 0
        assert set(left(instance)) == both
