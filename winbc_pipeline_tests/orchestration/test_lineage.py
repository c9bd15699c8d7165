"""The lineage is one picture from Winstore to Business Central and back, and changes nothing of how windows are run."""

from datetime import date
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from dagster import AssetKey, AssetSelection, DagsterInstance, Definitions, define_asset_job, in_process_executor

from winbc_pipeline.build import build_defs
from winbc_pipeline.flows import FLOWS, flow_named
from winbc_pipeline.orchestration.columns import TEXTS, staged_schema
from winbc_pipeline.orchestration.systems import targets_of
from winbc_pipeline.orchestration.windows import partition_key, range_tags
from winbc_pipeline.settings import OrderSettings, Settings
from winbc_pipeline.staging.ledger_tables import COLUMNS
from winbc_pipeline.staging.load import OWN
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.sync.map import MAPPED
from winbc_pipeline.sync.plan_table import PLANNED

from ..support.sandboxes import Sandboxes

pytestmark = pytest.mark.proof

DAY = date(2026, 3, 3)  # of the order
BROKEN = {"customer_id": "2", "email": "no-at-sign", "modified_at": "2026-03-03T09:00:00.000Z"}
CUSTOMERS, PRODUCTS, ORDERS = "customers_winstore_to_bc", "products_winstore_to_bc", "orders_winstore_to_bc"


def before(key: str) -> set[str]:
    """All assets that an asset hangs on, whether directly or not."""
    graph = build_defs(settings=Settings()).resolve_asset_graph()
    found: set[AssetKey] = set()
    new = {AssetKey.from_user_string(key)}
    while new:
        new = {parent for each in new for parent in graph.get(each).parent_keys} - found
        found |= new
    return {each.to_user_string() for each in found}


def test_an_order_of_business_central_comes_from_winstore_and_goes_back() -> None:
    to_bc = before("business_central/sales_orders")
    assert {"winstore/orders", "winstore/articles", f"synced/{ORDERS}"} <= to_bc
    assert to_bc | {"business_central/sales_orders"} <= before("winstore/orders_from_bc")
    assert "business_central/sales_invoices" in before("winstore/order_status_from_bc")


def test_orders_hang_on_customers_and_products_and_status_on_orders() -> None:
    assert {f"synced/{CUSTOMERS}", f"synced/{PRODUCTS}"} <= before(f"synced/{ORDERS}")
    to_bc, to_winstore = "synced/order_status_winstore_to_bc", "synced/order_status_bc_to_winstore"
    assert f"synced/{ORDERS}" in before(to_bc)
    assert {f"synced/{ORDERS}", to_bc} <= before(to_winstore)


def test_both_systems_are_shown_and_never_run() -> None:
    graph = build_defs(settings=Settings()).resolve_asset_graph()
    systems = [key for key in graph.get_all_asset_keys() if key.path[0] in ("winstore", "business_central")]
    assert len(systems) == 14
    assert not [key for key in systems if graph.get(key).is_executable]


def test_closed_groups_follow_each_other_without_a_circle() -> None:
    graph = build_defs(settings=Settings()).resolve_asset_graph()
    nodes = [graph.get(key) for key in graph.get_all_asset_keys()]
    after: dict[str, set[str]] = {str(node.group_name): set() for node in nodes}
    for node in nodes:
        after[str(node.group_name)] |= {str(graph.get(parent).group_name) for parent in node.parent_keys}
    hangs_on = {group: groups - {group} for group, groups in after.items()}
    assert list(TopologicalSorter(hangs_on).static_order())[0] == "winstore", "and it raises CycleError for a circle"


@pytest.mark.parametrize("layer", ["staging", "mapped", "planned", "synced"])
def test_kinds_and_description_of_an_asset_say_which_layer_it_is(layer: str) -> None:
    graph = build_defs(settings=Settings()).resolve_asset_graph()
    nodes = [graph.get(key) for key in graph.get_all_asset_keys() if key.path[0] == layer]
    assert len(nodes) == sum(flow.is_on(Settings()) for flow in FLOWS)
    for node in nodes:
        assert layer in node.kinds
        assert (node.description or "").lower().startswith(layer[:4])


def test_what_orders_become_in_business_central_is_as_the_settings_say() -> None:
    invoices = Settings(orders=OrderSettings(document="invoice"))
    names = [key.path[-1] for key in targets_of(ConnectedFlow(flow_named(ORDERS), invoices))]
    assert names == ["sales_invoices"]


def test_a_red_customer_holds_up_no_order_in_a_run_of_both_flows(sandboxes: Sandboxes) -> None:
    sandboxes.fill(customers=[{}, BROKEN], articles=[{}], orders=[{}])
    sandboxes.sync("products")
    both = define_asset_job("both", AssetSelection.groups(CUSTOMERS, ORDERS), executor_def=in_process_executor)
    definitions = Definitions.merge(build_defs(settings=sandboxes.settings), Definitions(jobs=[both]))
    job, tags = definitions.resolve_job_def("both"), range_tags(DAY, DAY, sandboxes.settings)
    with DagsterInstance.ephemeral() as instance:
        result = job.execute_in_process(instance=instance, tags=tags, raise_on_error=False)
    failed = [event.step_key for event in result.all_events if event.is_step_failure]
    assert failed == [f"synced__{CUSTOMERS}"]
    assert sandboxes.ledger(ORDERS)["W1"]["state"] == "CONFIRMED"


def test_every_column_of_every_layer_is_described() -> None:
    assert set(TEXTS) == {*OWN, *MAPPED, *PLANNED, *COLUMNS}
    staged = [column for flow in FLOWS for column in staged_schema(ConnectedFlow(flow, Settings())).columns]
    assert [column.name for column in staged if not column.description] == []


def test_the_overview_shows_the_newest_window_also_when_it_is_red(sandboxes: Sandboxes, tmp_path: Path) -> None:
    settings = sandboxes.settings
    sandboxes.fill(customers=[{}, BROKEN])
    key = AssetKey(("synced", CUSTOMERS))
    job = build_defs(settings=settings).resolve_job_def(CUSTOMERS)
    (tmp_path / "home").mkdir()
    with DagsterInstance.local_temp(str(tmp_path / "home")) as instance:
        tags = range_tags(date(2026, 3, 1), DAY, settings)
        result = job.execute_in_process(instance=instance, tags=tags, raise_on_error=False)
        (newest,) = instance.fetch_materializations(key, limit=1).records
        still_red = partition_key(DAY, settings) not in instance.get_materialized_partitions(key)
        (observed,) = instance.fetch_observations(key, limit=10).records
    shown = newest.asset_materialization.metadata  # type: ignore[union-attr]
    assert (shown["window"].value, shown["records_failed"].value) == (DAY.isoformat(), 1)
    assert still_red
    assert observed.partition_key == DAY.isoformat(), "the plot of events has the red window"
    done = {each.check_name: each for each in result.get_asset_check_evaluations()}["all_records_done"]
    assert (done.passed, done.metadata["red_windows"].value) == (False, DAY.isoformat())


def test_an_asset_page_shows_window_and_counts_before_records_and_columns(sandboxes: Sandboxes) -> None:
    sandboxes.fill()
    definitions = build_defs(settings=sandboxes.settings)
    # Dagster's UI puts a schema under its own key above all other metadata.
    layer = definitions.resolve_asset_graph().get(AssetKey(("synced", CUSTOMERS)))
    assert list(layer.metadata) == ["columns"]
    day = date(2026, 3, 1)
    with DagsterInstance.ephemeral() as instance:
        job, tags = definitions.resolve_job_def(CUSTOMERS), range_tags(day, day, sandboxes.settings)
        job.execute_in_process(instance=instance, tags=tags)
        (made,) = instance.fetch_materializations(AssetKey(("synced", CUSTOMERS)), limit=1).records
    shown = list(made.asset_materialization.metadata)  # type: ignore[union-attr]
    assert shown[:3] == ["window", "records_confirmed", "records"]
