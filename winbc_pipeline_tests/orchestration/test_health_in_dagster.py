"""What the Dagster UI shows of a flow's health: results per window, and lateness without any run.

Source of the promise: reliability.md, "Is it late?" of operations.md.
"""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from dagster import DagsterInstance, ExecuteInProcessResult

from winbc_pipeline.build import build_defs
from winbc_pipeline.orchestration.windows import range_tags

from ..support.sandboxes import Sandboxes

FLOW = "orders_winstore_to_bc"
FIRST, LAST = date(2026, 3, 1), date(2026, 3, 4)


class Ui:
    def __init__(self, sandboxes: Sandboxes, instance: DagsterInstance) -> None:
        self.sandboxes, self.instance = sandboxes, instance
        sandboxes.settings = sandboxes.settings.model_copy(update={"history_start": FIRST, "sensors": True})

    def run(self) -> ExecuteInProcessResult:
        settings = self.sandboxes.settings
        job = build_defs(settings=settings).resolve_job_def(FLOW)
        tags = range_tags(FIRST, LAST, settings)
        return job.execute_in_process(instance=self.instance, tags=tags, raise_on_error=False)


@pytest.fixture
def ui(sandboxes: Sandboxes, tmp_path: Path) -> Iterator[Ui]:
    (tmp_path / "home").mkdir()
    with DagsterInstance.local_temp(str(tmp_path / "home")) as instance:
        yield Ui(sandboxes, instance)


def results(result: ExecuteInProcessResult) -> dict[tuple[str, str | None], bool]:
    return {(each.check_name, each.partition): each.passed for each in result.get_asset_check_evaluations()}


@pytest.mark.proof
def test_each_window_has_results_of_its_own_and_says_how_to_recover(ui: Ui) -> None:
    ui.sandboxes.fill(
        customers=[{}],
        articles=[{}],
        orders=[
            {"order_number": "W1", "modified_at": "2026-03-02T10:00:00.000Z"},
            {"order_number": "W2", "modified_at": "2026-03-03T10:00:00.000Z"},
        ],
        lines=[{"order_number": "W1"}, {"order_number": "W2", "vat_rate": "77"}],
    )
    result = ui.run()
    print(results(result))
    for e in result.all_events:
        if e.is_step_failure:
            print(e.step_failure_data.user_failure_data, e.step_failure_data.error)
    assert 0
