"""Old runs go only when every window of theirs was materialised again."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from dagster import DagsterInstance

from winbc_pipeline.build import build_defs
from winbc_pipeline.orchestration.retention import purge_runs
from winbc_pipeline.orchestration.windows import range_tags

from ..support.sandboxes import FIRST, Sandboxes

pytestmark = pytest.mark.proof

DAY = FIRST.replace(year=2026, month=3, day=1)
FLOW = "customers_winstore_to_bc"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


def run(sandboxes: Sandboxes, instance: DagsterInstance, days: int = 1) -> str:
    job = build_defs(settings=sandboxes.settings).resolve_job_def(FLOW)
    tags = range_tags(DAY, DAY + timedelta(days=days - 1), sandboxes.settings)
    return job.execute_in_process(instance=instance, tags=tags, raise_on_error=False).run_id


def left(instance: DagsterInstance) -> list[str]:
    return [run.run_id for run in instance.get_runs()]


def test_a_superseded_run_goes_and_the_newest_stays(sandboxes: Sandboxes, home: Path) -> None:
    sandboxes.fill()
    with DagsterInstance.local_temp(str(home)) as instance:
        superseded = run(sandboxes, instance)
        newest = run(sandboxes, instance)
        assert any(home.rglob(f"*{superseded}*"))
        assert purge_runs(instance, datetime.now(UTC) + timedelta(days=1)) == 1
        assert left(instance) == [newest]
        assert not any(home.rglob(f"*{superseded}*")), "nor a file of it"


def test_a_run_with_a_window_that_nobody_repeated_stays(sandboxes: Sandboxes, home: Path) -> None:
    sandboxes.fill()
    with DagsterInstance.local_temp(str(home)) as instance:
        two_windows, one_window = run(sandboxes, instance, days=2), run(sandboxes, instance)
        assert purge_runs(instance, datetime.now(UTC) + timedelta(days=1)) == 0
        assert set(left(instance)) == {two_windows, one_window}


def test_a_failed_run_stays_until_its_window_is_mended(sandboxes: Sandboxes, home: Path) -> None:
    sandboxes.fill(customers=[{"email": "no at sign"}])
    with DagsterInstance.local_temp(str(home)) as instance:
        failed = run(sandboxes, instance)
        assert purge_runs(instance, datetime.now(UTC) + timedelta(days=1)) == 0
        sandboxes.fill()
        mended = run(sandboxes, instance)
        assert purge_runs(instance, datetime.now(UTC) + timedelta(days=1)) == 1
        assert left(instance) == [mended], failed


def test_young_runs_stay(sandboxes: Sandboxes, home: Path) -> None:
    sandboxes.fill()
    with DagsterInstance.local_temp(str(home)) as instance:
        both = {run(sandboxes, instance), run(sandboxes, instance)}
        assert purge_runs(instance, datetime.now(UTC) - timedelta(days=30)) == 0
        assert set(left(instance)) == both
