"""The tables as Dagster assets: an edit dates what was made with the old ones, and says so when it is wrong."""

from collections.abc import Iterator
from datetime import date

import pytest
from dagster import AssetKey, DagsterInstance, ExecuteInProcessResult, SensorResult, build_sensor_context

from winbc_pipeline.build import build_defs
from winbc_pipeline.flows import FLOWS
from winbc_pipeline.orchestration.windows import range_tags
from winbc_pipeline.staging.store import Store, rows_of

from ..support.sandboxes import Sandboxes

FLOW = "products_winstore_to_bc"
TABLES = AssetKey(("mapping_tables", FLOW))
INPUT = "dagster/input_data_version/" + TABLES.to_user_string()
VERSION = "dagster/data_version"
DAY = date(2026, 3, 2)
pytestmark = pytest.mark.proof


@pytest.fixture
def edited(sandboxes: Sandboxes) -> Iterator[Sandboxes]:
    """A world with a mapping folder of its own."""
    sandboxes.own_tables()
    sandboxes.fill()
    yield sandboxes


def edit(sandboxes: Sandboxes, old: str, new: str) -> None:
    path = sandboxes.settings.mapping_folder / FLOW / "item.csv"
    path.write_text(path.read_text().replace(old, new))


def run(sandboxes: Sandboxes, instance: DagsterInstance, job: str) -> ExecuteInProcessResult:
    definition = build_defs(settings=sandboxes.settings).resolve_job_def(job)
    tags = range_tags(DAY, DAY, sandboxes.settings) if job == FLOW else {}
    return definition.execute_in_process(instance=instance, tags=tags, raise_on_error=False)


def tags(instance: DagsterInstance, layer: str) -> dict[str, str]:
    event = instance.get_latest_materialization_event(AssetKey((layer, FLOW)))
    assert event is not None
    assert event.asset_materialization is not None
    return dict(event.asset_materialization.tags or {})


def test_an_edit_gives_the_tables_a_new_version_that_the_layers_were_not_made_with(edited: Sandboxes) -> None:
    with DagsterInstance.ephemeral() as instance:
        assert run(edited, instance, FLOW).success
        before = tags(instance, "mapping_tables")[VERSION]
        edit(edited, "unitPrice,price", "unitPrice,costprice")
        assert run(edited, instance, "mapping_tables").success
        assert tags(instance, "mapping_tables")[VERSION] != before
        for layer in ("mapped", "planned", "synced"):
            assert tags(instance, layer)[INPUT] == before


def test_a_broken_table_stops_the_flow_before_it_reads_and_says_why(edited: Sandboxes) -> None:
    edit(edited, "unitPrice,price", "unitPrice,prise")
    with DagsterInstance.ephemeral() as instance:
        result = run(edited, instance, FLOW)
        (check,) = result.get_asset_check_evaluations()
    assert not result.success
    assert (check.passed, check.blocking) == (False, True)
    assert "item.csv, row 8, column source: the source has no field `prise`" in str(check.metadata["error"].value)
    assert not (edited.settings.data_folder / "default" / "products_winstore_to_bc.duckdb").exists()


def test_the_check_of_the_tables_lists_what_has_no_place_in_the_target(edited: Sandboxes) -> None:
    with DagsterInstance.ephemeral() as instance:
        result = run(edited, instance, FLOW)
        check = next(each for each in result.get_asset_check_evaluations() if each.asset_key == TABLES)
    assert check.passed
    assert "features.csv row 3: subcategory has no place" in str(check.metadata["without_a_place"].value)


def test_the_mapped_layer_tells_which_source_columns_a_field_is_made_of(edited: Sandboxes) -> None:
    with DagsterInstance.ephemeral() as instance:
        run(edited, instance, FLOW)
        event = instance.get_latest_materialization_event(AssetKey(("mapped", FLOW)))
    metadata = event.asset_materialization.metadata  # type: ignore[union-attr]
    made_of = metadata["dagster/column_lineage"].value.deps_by_column
    staging = AssetKey(("staging", "winstore_articles"))
    assert [(dep.asset_key, dep.column_name) for dep in made_of["item.displayName"]] == [
        (staging, name) for name in ("color", "name", "size", "title")
    ]
    columns = {column.name: column.description for column in metadata["dagster/column_schema"].value.columns}
    assert set(made_of) < set(columns)
    assert str(columns["item.displayName"]).startswith("From color, name, size, title. Text, at most 100 characters")


def test_each_record_carries_the_version_that_made_it(edited: Sandboxes) -> None:
    edited.sync("products")
    with DagsterInstance.ephemeral() as instance:
        run(edited, instance, "mapping_tables")
        version = tags(instance, "mapping_tables")[VERSION]
    with Store(edited.settings.flow_database("products_winstore_to_bc")).open() as connection:
        mapped = rows_of(connection, f"SELECT DISTINCT mapping_version FROM mapped_{FLOW}")
        sent = rows_of(connection, "SELECT DISTINCT mapping_version FROM ledger")
    assert mapped == sent == [{"mapping_version": version}]


def test_the_sensor_has_edited_tables_checked_once(edited: Sandboxes) -> None:
    sensor = build_defs(settings=edited.settings).resolve_sensor_def("mapping_tables_edited")
    on = [flow for flow in FLOWS if flow.is_on(edited.settings)]
    with DagsterInstance.ephemeral() as instance:
        first = sensor(build_sensor_context(instance=instance))
        assert isinstance(first, SensorResult)
        again = sensor(build_sensor_context(instance=instance, cursor=first.cursor))
        edit(edited, "unitPrice,price", "unitPrice,costprice")
        edit_seen = sensor(build_sensor_context(instance=instance, cursor=first.cursor))
    (all_of_them,) = first.run_requests or []
    assert len(all_of_them.asset_selection or []) == len(on)
    assert again.run_requests == []
    assert [request.asset_selection for request in edit_seen.run_requests] == [[TABLES]]
