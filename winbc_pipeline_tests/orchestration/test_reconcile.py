"""Whether both systems agree, asked by schedules: counts every night, all records every week.

Source: docs/operations.md, "Do both systems agree?".
"""

from collections.abc import Iterator

import pytest
from dagster import AssetKey, DagsterInstance, ExecuteInProcessResult

from winbc_pipeline.build import build_defs
from winbc_pipeline.errors import ConfigurationError
from winbc_pipeline.flows import flow_named
from winbc_pipeline.flows.orders import ORDERS_TO_BC
from winbc_pipeline.orchestration.in_process import QUIET
from winbc_pipeline.settings import ReconcileSettings, Settings
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.workbench.reconcile.counts import count

from ..support.order_flow import OrderFlow
from ..support.shops import stock_world
from ..support.shops.stock_world import StockWorld
from ..support.shops.two_ways import TO_BC, TO_WINSTORE, TwoWays


@pytest.fixture
def instance() -> Iterator[DagsterInstance]:
    with DagsterInstance.ephemeral() as made:
        yield made


def connected(shop: OrderFlow, flow: str = ORDERS_TO_BC.id) -> ConnectedFlow:
    return ConnectedFlow(flow_named(flow), shop.settings)


def asked(shop: OrderFlow, name: str, instance: DagsterInstance) -> ExecuteInProcessResult:
    job = build_defs(settings=shop.settings, flows=(ORDERS_TO_BC,)).resolve_job_def(f"{ORDERS_TO_BC.id}_{name}")
    return job.execute_in_process(instance=instance, raise_on_error=False, run_config=dict(QUIET))


def observed(instance: DagsterInstance) -> dict[str, object]:
    """The figures at the flow's last asset."""
    records = instance.fetch_observations(AssetKey(("synced", ORDERS_TO_BC.id)), limit=1).records
    found = records[0].asset_observation
    assert found
    return {name: value.value for name, value in found.metadata.items()}


@pytest.mark.proof
def test_a_document_that_is_gone_shows_in_the_nightly_counts(order_flow: OrderFlow, instance: DagsterInstance) -> None:
    for number in ("W1", "W2"):
        order_flow.order(number)
    order_flow.sync()
    assert asked(order_flow, "counts", instance).success
    total = observed(instance)["counts/order_sum_there"]
    assert observed(instance)["counts/order_sum_sent"] == total != "0.00"
    order_flow.without = {"missing"}
    order_flow.deletes("W2")
    result = asked(order_flow, "counts", instance)
    assert not result.success
    assert (observed(instance)["counts/order_sent"], observed(instance)["counts/order_there"]) == (2, 1)


def test_a_total_that_somebody_changed_shows_in_the_sums(order_flow: OrderFlow) -> None:
    order_flow.send("W1")
    assert count(connected(order_flow)).agrees
    (line, *_) = order_flow.lines("W1")
    order_flow.by_person("PATCH", f"salesOrderLines({line['id']})", {"quantity": 5})
    found = count(connected(order_flow))
    assert not found.agrees
    assert "1 of 1 records are in the target" in found.in_words


def test_a_document_that_was_posted_counts_once(order_flow: OrderFlow) -> None:
    order_flow.send("W1")
    order_flow.posts("W1")
    assert count(connected(order_flow)).agrees


@pytest.mark.parametrize("flow", [TO_BC, TO_WINSTORE])
def test_a_customer_that_is_gone_shows_in_the_counts_of_either_direction(two_ways: TwoWays, flow: str) -> None:
    two_ways.shop_has("1", email="1@mail.example")
    two_ways.bc_has("C1", email="bea@mail.example")
    two_ways.passes()
    two_ways.passes()
    (before,) = count(connected(two_ways, flow)).counts[:1]
    assert (before.sent, before.there) == (2, 2)
    if flow == TO_BC:
        two_ways.deleted_in_bc("C1")
    else:
        two_ways.winstore_app.state.records.delete("customers", "1")
    assert count(connected(two_ways, flow)).counts[0].there == 1


def test_pieces_of_stock_are_summed(stock: StockWorld) -> None:
    stock.shop_has(quantity="5")
    stock.run()
    assert count(connected(stock, stock_world.TO_BC)).agrees
    stock.counted(9)
    (figure,) = count(connected(stock, stock_world.TO_BC)).counts
    assert (figure.sum_sent, figure.sum_there) == (5, 9)


@pytest.mark.proof
def test_all_records_are_compared_by_the_weekly_job(order_flow: OrderFlow, instance: DagsterInstance) -> None:
    order_flow.send("W1")
    order_flow.without = {"missing"}
    order_flow.deletes("W1")
    result = asked(order_flow, "reconcile", instance)
    (failure,) = [each.step_failure_data for each in result.all_events if each.is_step_failure]
    text = failure.user_failure_data.description if failure.user_failure_data else ""
    assert "1 missing_right" in str(text)
    assert "winbc reconcile orders_winstore_to_bc" in str(text)
    assert observed(instance)["reconcile/missing_right"] == 1


@pytest.mark.proof
def test_out_of_calls_the_job_ends_well_and_its_next_run_goes_on(
    order_flow: OrderFlow, instance: DagsterInstance
) -> None:
    order_flow.send("W1")
    order_flow.settings = order_flow.settings.model_copy(update={"reconcile": ReconcileSettings(calls=2)})
    assert asked(order_flow, "reconcile", instance).success
    order_flow.settings = order_flow.settings.model_copy(update={"reconcile": ReconcileSettings()})
    assert asked(order_flow, "reconcile", instance).success


def test_a_wrong_cron_expression_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r"reconcile\.counts_cron"):
        build_defs(settings=Settings(reconcile=ReconcileSettings(counts_cron="nightly")))
