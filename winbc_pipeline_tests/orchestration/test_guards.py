"""A run that would write too much, in Dagster: red and in words, sent by the UI's own buttons once it is approved."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from dagster import AssetKey, DagsterInstance, ExecuteInProcessResult

from winbc_pipeline.build import build_defs
from winbc_pipeline.flows import PRODUCTS
from winbc_pipeline.orchestration.windows import range_tags
from winbc_pipeline.sandbox import winstore
from winbc_pipeline.settings import GuardSettings
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.workbench.approval import approve, proposal

from ..support.sandboxes import Sandboxes
from ..support.servers import Servers

pytestmark = pytest.mark.proof

FIRST, QUIET, LAST = date(2026, 3, 1), date(2026, 3, 2), date(2026, 3, 3)
SYNCED, PLANNED = AssetKey(("synced", PRODUCTS.id)), AssetKey(("planned", PRODUCTS.id))


class Ui:
    """Six new articles in two of three windows, of which a run may create five."""

    def __init__(self, sandboxes: Sandboxes, instance: DagsterInstance) -> None:
        self.sandboxes, self.instance = sandboxes, instance
        chosen = {"guards": GuardSettings(at_least=5), "history_start": FIRST}
        sandboxes.settings = sandboxes.settings.model_copy(update=chosen)
        days = [FIRST, FIRST, FIRST, LAST, LAST, LAST]
        articles = [
            {"sku": f"S{n}", "article_key": str(n), "category": "", "modified_at": f"{day}T10:00:00.000Z"}
            for n, day in enumerate(days)
        ]
        sandboxes.fill(articles=articles)

    def run(self, first: date = FIRST, last: date = LAST, *assets: AssetKey) -> ExecuteInProcessResult:
        """A run of the windows: as "Materialize all" does, or "Materialize" on some assets."""
        settings = self.sandboxes.settings
        return (
            build_defs(settings=settings)
            .resolve_job_def(PRODUCTS.id)
            .execute_in_process(
                instance=self.instance,
                tags=range_tags(first, last, settings),
                raise_on_error=False,
                asset_selection=list(assets) or None,
            )
        )

    def approve(self) -> None:
        connected = ConnectedFlow(PRODUCTS, self.sandboxes.settings)
        approve(connected, proposal(connected), "by hand")

    def writes(self) -> int:
        return len(self.sandboxes.bc()["writes"])

    def red(self) -> set[str]:
        """The windows that are not materialised."""
        all_of_them = {day.isoformat() for day in (FIRST, QUIET, LAST)}
        return all_of_them - self.instance.get_materialized_partitions(SYNCED)


@pytest.fixture
def ui(sandboxes: Sandboxes, tmp_path: Path) -> Iterator[Ui]:
    (tmp_path / "home").mkdir()
    with DagsterInstance.local_temp(str(tmp_path / "home")) as instance:
        yield Ui(sandboxes, instance)


def told(result: ExecuteInProcessResult) -> tuple[str, str]:
    """The step that failed, and why."""
    (failed,) = [event for event in result.all_events if event.is_step_failure]
    failure = failed.step_failure_data.user_failure_data
    assert failure is not None
    return str(failed.step_key), failure.description or ""


def newest(ui: Ui, key: AssetKey) -> dict[str, Any]:
    event = ui.instance.get_latest_materialization_event(key)
    assert event is not None
    assert event.asset_materialization is not None
    return {name: value.value for name, value in event.asset_materialization.metadata.items()}


def test_a_run_that_would_write_too_much_is_red_where_records_wait_and_says_what_and_how_to_go_on(ui: Ui) -> None:
    step, words = told(ui.run())
    assert step == f"synced__{PRODUCTS.id}"
    assert words.startswith(f"E-GUARD: {PRODUCTS.id}: the plan has 6 records to create")
    assert words.endswith(f"`winbc approve {PRODUCTS.id}` shows it and asks.")
    assert ui.red() == {FIRST.isoformat(), LAST.isoformat()}
    assert ui.writes() == 0


def test_the_plan_says_beforehand_that_it_would_be_held(ui: Ui) -> None:
    ui.run()
    assert newest(ui, PLANNED)["held"].startswith(f"E-GUARD: {PRODUCTS.id}: the plan has 6 records to create")


def test_materialize_on_the_red_asset_sends_what_was_approved(ui: Ui) -> None:
    ui.run()
    ui.approve()
    assert ui.run(FIRST, LAST, SYNCED).success
    assert (ui.writes(), ui.red()) == (6, set())


def test_a_rerun_of_one_red_window_is_held_and_sends_its_records_once_they_are_approved(ui: Ui) -> None:
    ui.run()
    assert not ui.run(FIRST, FIRST).success
    assert ui.writes() == 0
    ui.approve()
    assert ui.run(FIRST, FIRST).success
    assert (ui.writes(), ui.red()) == (3, {LAST.isoformat()})
    assert ui.run(LAST, LAST).success
    assert (ui.writes(), ui.red()) == (6, set())


def test_a_source_that_became_empty_ends_the_run_in_its_first_layer(ui: Ui, servers: Servers) -> None:
    ui.run()
    servers.winstore.replace(winstore.create_app(None))
    step, words = told(ui.run())
    assert step == "staging__winstore_articles"
    assert "E-SOURCE" in words
