"""Red windows: one command, or Dagster's own buttons, run them again; what is done is not done twice.

Source: docs/operations.md, "Red windows".
"""

from collections.abc import Iterator
from typing import Any

import pytest
from dagster import AssetKey, DagsterInstance, JobDefinition, ReexecutionOptions, execute_job, reconstructable

from winbc_pipeline.build import build_defs
from winbc_pipeline.flows.customers import CUSTOMERS
from winbc_pipeline.orchestration.in_process import QUIET, run_windows
from winbc_pipeline.orchestration.rerun import Rerun, red_windows, rerun
from winbc_pipeline.orchestration.windows import range_tags
from winbc_pipeline.settings import Settings
from winbc_pipeline.sync.connected import ConnectedFlow

from ..support.order_sandboxes import BC, FIRST, WINSTORE
from ..support.shops.two_ways import TwoWays

pytestmark = pytest.mark.proof

SYNCED = AssetKey(("synced", CUSTOMERS.id))
chosen: list[Settings] = []  # of the world of the test, for Dagster, which makes the job anew


def customers() -> JobDefinition:
    return build_defs(settings=chosen[0], flows=(CUSTOMERS,)).resolve_job_def(CUSTOMERS.id)


class Desk:
    """Two customers of one day, a Dagster without services, and its buttons."""

    def __init__(self, world: TwoWays, instance: DagsterInstance) -> None:
        self.world, self.instance, self.runs = world, instance, 0
        chosen[:] = [world.settings]
        world.shop_has("1", email="1@mail.example")
        world.shop_has("2", email="2@mail.example")
        self.day = world.now.date()

    @property
    def connected(self) -> ConnectedFlow:
        return ConnectedFlow(CUSTOMERS, self.world.settings)

    def run(self) -> str:
        return run_windows(self.connected, customers(), self.instance, FIRST, self.day)[0]

    def rerun(self) -> Rerun:
        return rerun(self.connected, customers(), self.instance, red_windows(self.connected, self.instance))

    def colour(self) -> str:
        """Of the window of the two customers, as Dagster's page of the asset shows it."""
        key = self.day.isoformat()
        windows = customers().partitions_def
        assert windows
        state = self.instance.get_status_by_partition(SYNCED, [key], windows)
        assert state and state[key]
        return str(state[key].value)  # type: ignore[union-attr]

    def made(self) -> int:
        return len([each for each in self.world.state(BC)["writes"] if each["entity"] == "customers"])


@pytest.fixture
def desk(two_ways: TwoWays) -> Iterator[Desk]:
    with DagsterInstance.ephemeral() as instance:
        yield Desk(two_ways, instance)


def test_a_red_window_whose_cause_was_mended_is_green_after_one_command(desk: Desk) -> None:
    desk.world.in_winstore("1", email="no at sign")
    desk.run()
    assert (desk.colour(), desk.made()) == ("FAILED", 1)
    desk.world.in_winstore("1", email="1@mail.example")
    assert desk.rerun() == Rerun((desk.day,), ())
    assert (desk.colour(), desk.made()) == ("MATERIALIZED", 2)
    assert desk.rerun() == Rerun((), ())


def test_a_window_is_red_too_when_the_source_was_down(desk: Desk) -> None:
    """No record failed then, so only Dagster knows of it."""
    desk.world.fault(WINSTORE, *[{"kind": "status", "status": 500, "times": 99}])
    desk.run()
    desk.world.fault(WINSTORE)
    assert desk.day in red_windows(desk.connected, desk.instance)
    assert desk.rerun().red == ()
    assert desk.made() == 2


def test_a_window_that_stays_red_says_why(desk: Desk) -> None:
    desk.world.in_winstore("1", email="no at sign")
    desk.run()
    done = desk.rerun()
    assert done.red == (desk.day,)
    assert done.why and "MAPPING" in done.why


def test_reexecuting_a_failed_run_from_its_failure_sends_what_is_not_done(desk: Desk) -> None:
    """The button `Re-execute from failure` of a run."""
    desk.world.fault(BC, {"kind": "status", "status": 400, "path": "$batch", "method": "POST", "times": 1})
    failed = desk.run()
    assert desk.colour() == "FAILED"
    options = ReexecutionOptions.from_failure(failed, desk.instance)
    again: dict[str, Any] = {"reexecution_options": options, "tags": range_tags(FIRST, desk.day, desk.world.settings)}
    with execute_job(
        reconstructable(customers), instance=desk.instance, run_config=dict(QUIET), **again
    ) as result:  # the UI takes the tags over from the first run
        assert result.success
    assert (desk.colour(), desk.made()) == ("MATERIALIZED", 2)


@pytest.mark.parametrize("alone", [True, False])
def test_materialising_a_red_window_sends_what_is_not_done(desk: Desk, alone: bool) -> None:
    """The button `Materialize` of an asset, for its failed partitions: of the last layer alone, and of all."""
    desk.world.fault(BC, {"kind": "status", "status": 400, "path": "$batch", "method": "POST", "times": 1})
    desk.run()
    selected: dict[str, Any] = {"asset_selection": [SYNCED]} if alone else {}
    done = customers().execute_in_process(
        instance=desk.instance, partition_key=desk.day.isoformat(), run_config=dict(QUIET), **selected
    )
    assert done.success
    assert (desk.colour(), desk.made()) == ("MATERIALIZED", 2)
