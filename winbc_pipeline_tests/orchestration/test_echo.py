"""A run that our own write has probably woken goes behind a person's change. Source: operations.md, "How a run gets its
process"."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from dagster import DagsterInstance, RunsFilter

from winbc_pipeline.flows import flow_named
from winbc_pipeline.orchestration.following import echo
from winbc_pipeline.orchestration.launcher.gentle import is_gentle
from winbc_pipeline.orchestration.names import TAG
from winbc_pipeline.settings import Settings, load_settings
from winbc_pipeline.sync.connected import ConnectedFlow

BEGAN = datetime(2026, 3, 1, 10, tzinfo=UTC)
FLOW = flow_named("customers_bc_to_winstore")
WRITES_TO_BC = "customers_winstore_to_bc"


def woken(after_s: float, by: str = WRITES_TO_BC, ended_s: float | None = 3) -> bool:
    """Whether a change so long after the begin of another flow's run wakes a run that may wait."""
    ended = None if ended_s is None else BEGAN.timestamp() + ended_s
    run = SimpleNamespace(dagster_run=SimpleNamespace(job_name=by), start_time=BEGAN.timestamp(), end_time=ended)
    instance = cast(DagsterInstance, SimpleNamespace(get_run_records=lambda *_, **__: [run]))
    now: Any = BEGAN + timedelta(seconds=10)
    return is_gentle(echo.tags(ConnectedFlow(FLOW, Settings()), instance, BEGAN + timedelta(seconds=after_s), now))


@pytest.mark.parametrize("ended_s", [3, None], ids=["ended", "at work"])
def test_what_changed_while_a_run_wrote_to_the_source_may_wait(ended_s: float | None) -> None:
    assert woken(2, ended_s=ended_s)


@pytest.mark.parametrize("after_s", [-5, 8], ids=["before", "after"])
def test_what_changed_before_or_after_goes_first(after_s: float) -> None:
    assert not woken(after_s)


@pytest.mark.parametrize("by", ["customers_bc_to_winstore", "orders_winstore_to_bc"])
def test_a_run_that_writes_to_the_other_system_or_other_records_wakes_nothing(by: str) -> None:
    assert not woken(2, by)


def test_runs_of_other_connections_hide_none_of_ours(tmp_path: Path) -> None:
    settings, ended = load_settings(tmp_path), BEGAN.timestamp() + 3

    def of(prefix: str) -> Any:
        run = SimpleNamespace(job_name=f"{prefix}__{WRITES_TO_BC}", tags={TAG: prefix})
        return SimpleNamespace(dagster_run=run, start_time=BEGAN.timestamp(), end_time=ended)

    every = [*(of("other") for _ in range(echo.MOST)), of(settings.prefix)]

    def asked(wanted: RunsFilter, limit: int) -> list[Any]:
        return [each for each in every if wanted.tags.items() <= each.dagster_run.tags.items()][:limit]

    instance = cast(DagsterInstance, SimpleNamespace(get_run_records=asked))
    moment, now = BEGAN + timedelta(seconds=2), BEGAN + timedelta(seconds=10)
    assert is_gentle(echo.tags(ConnectedFlow(FLOW, settings), instance, moment, now))
