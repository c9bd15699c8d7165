"""After an edit of the mapping tables, the UI's own buttons on a red window are the right ones."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from dagster import (
    AssetKey,
    DagsterInstance,
    ExecuteInProcessResult,
    JobDefinition,
    ReexecutionOptions,
    execute_job,
    reconstructable,
)

from winbc_pipeline.build import build_defs
from winbc_pipeline.orchestration.windows import range_tags
from winbc_pipeline.settings import load_settings

from ..support.sandboxes import Sandboxes

pytestmark = pytest.mark.proof

FLOW = "customers_winstore_to_bc"
DAY = date(2026, 3, 1)
SYNCED = AssetKey(("synced", FLOW))


def job() -> JobDefinition:
    """The flow's job, as the code location makes it."""
    return build_defs().resolve_job_def(FLOW)


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[DagsterInstance]:
    (tmp_path / "home").mkdir()
    with DagsterInstance.local_temp(str(tmp_path / "home")) as instance:
        yield instance


@pytest.fixture
def red(sandboxes: Sandboxes, instance: DagsterInstance, monkeypatch: pytest.MonkeyPatch) -> ExecuteInProcessResult:
    """A window with a customer whose country is in no lookup table, and one who was sent."""
    sandboxes.own_tables()
    monkeypatch.setenv("WINBC_DATA_FOLDER", str(sandboxes.settings.data_folder))
    monkeypatch.setenv("WINBC_MAPPING_FOLDER", str(sandboxes.settings.mapping_folder))
    sandboxes.fill(customers=[{"country_iso": "XX"}, {"customer_id": "2", "email": "two@mail.example"}])
    result = run(instance)
    assert [event.step_key for event in result.all_events if event.is_step_failure] == [f"synced__{FLOW}"]
    return result


def run(instance: DagsterInstance, *assets: AssetKey) -> ExecuteInProcessResult:
    """A run of the window: as "Materialize all" does, or "Materialize" on some assets."""
    tags = range_tags(DAY, DAY, load_settings())
    return job().execute_in_process(
        instance=instance, tags=tags, raise_on_error=False, asset_selection=list(assets) or None
    )


def add_country(sandboxes: Sandboxes) -> None:
    with (sandboxes.settings.mapping_folder / "lookups" / "countries.csv").open("a", encoding="utf-8") as file:
        file.write("XX,NL,\n")


def countries(sandboxes: Sandboxes) -> list[str]:
    return [each["country"] for each in sandboxes.bc()["records"]["customers"]]


def newest(instance: DagsterInstance, layer: str) -> dict[str, Any]:
    event = instance.get_latest_materialization_event(AssetKey((layer, FLOW)))
    assert event is not None
    assert event.asset_materialization is not None
    return {name: value.value for name, value in event.asset_materialization.metadata.items()}


def test_from_failure_sends_what_an_edit_frees(
    sandboxes: Sandboxes, instance: DagsterInstance, red: ExecuteInProcessResult
) -> None:
    add_country(sandboxes)
    again = execute_job(
        reconstructable(job),
        instance=instance,
        tags=range_tags(DAY, DAY, load_settings()),  # the UI takes them over from the first run
        reexecution_options=ReexecutionOptions.from_failure(red.run_id, instance),
    )
    assert again.success
    steps = {event.step_key for event in again.all_events if event.is_step_start}
    assert steps == {f"synced__{FLOW}"}
    assert countries(sandboxes) == ["NL", "NL"]


def test_materialize_on_the_red_asset_alone_makes_the_layers_above_again_and_says_so(
    sandboxes: Sandboxes, instance: DagsterInstance, red: ExecuteInProcessResult
) -> None:
    add_country(sandboxes)
    assert run(instance, SYNCED).success
    assert countries(sandboxes) == ["NL", "NL"]
    told = {layer: newest(instance, layer).get("made_again", "") for layer in ("mapped", "planned", "synced")}
    assert set(told.values()) == {told["synced"]}
    assert told["synced"].startswith("mapped, planned. The mapping tables were edited")
    assert newest(instance, "planned")["records_create"] == 1


def test_without_an_edit_the_plan_that_people_saw_is_the_one_that_is_sent(
    sandboxes: Sandboxes, instance: DagsterInstance, red: ExecuteInProcessResult
) -> None:
    before = newest(instance, "planned")
    assert not run(instance, SYNCED).success
    assert newest(instance, "planned") == before
    assert "made_again" not in before


def test_an_edit_that_breaks_the_table_is_named_and_sends_nothing(
    sandboxes: Sandboxes, instance: DagsterInstance, red: ExecuteInProcessResult
) -> None:
    table = sandboxes.settings.mapping_folder / FLOW / "customer.csv"
    table.write_text(table.read_text().replace("phone_e164(phone,", "phone_e164(phon,"))
    sent = sandboxes.bc()["writes"]
    result = run(instance, SYNCED)
    (failed,) = [event for event in result.all_events if event.is_step_failure]
    failure = failed.step_failure_data.user_failure_data
    assert failure is not None
    assert "the source has no field `phon`" in (failure.description or "")
    assert sandboxes.bc()["writes"] == sent
