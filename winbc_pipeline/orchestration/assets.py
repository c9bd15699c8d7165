"""The four asset layers of a flow and its mapping tables.

Here belongs: turning a window into calls of sync/. Not: what a layer does, nor what people see of it (metadata.py).
Concept pages: Assets, Asset checks, Partitions and backfills.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import duckdb
from dagster import (
    AssetCheckExecutionContext,
    AssetCheckResult,
    AssetChecksDefinition,
    AssetExecutionContext,
    AssetKey,
    AssetMaterialization,
    AssetObservation,
    AssetsDefinition,
    BackfillPolicy,
    DataVersion,
    Failure,
    MaterializeResult,
    MetadataValue,
    asset,
    asset_check,
)

from ..errors import WinbcError
from ..staging.ledger import COLUMNS
from ..staging.load import OWN
from ..staging.store import Row
from ..sync.connected import ConnectedFlow
from ..sync.map import MAPPED, map_windows
from ..sync.plan_table import PLANNED
from ..sync.run import not_done, plan_windows, push_windows, records
from ..sync.stage import stage
from ..sync.work import Work
from .layers import LayerWindow, windows_of_layer
from .metadata import column_lineage, column_schema, failure, window_metadata
from .windows import days_of, partition_key, partitions

NOTHING = LayerWindow()
Step = Callable[[Work], list[Row] | None]


def flow_assets(connected: ConnectedFlow) -> tuple[list[AssetsDefinition], AssetChecksDefinition]:
    """Mapping tables, staging, mapped, planned and synced of one flow, and the check that guards them."""
    flow = connected.flow

    def staging(work: Work) -> None:
        connected.checked()  # what could not be mapped is not read either
        stage(connected, work.first)

    def synced(work: Work) -> list[Row]:
        push_windows(work)
        return not_done(records(connected, work.first, work.last))

    def lineage() -> dict[str, Any]:
        return column_lineage(AssetKey(("staging", flow.staging)), connected.compiled(), MAPPED)

    tables, check = _mapping_tables(connected)
    key = AssetKey(("staging", flow.staging))
    staged = OWN | connected.staging.columns
    assets = [tables, _layer(connected, key, [], staging, staged, "newest version per record")]
    layers: list[tuple[str, Step, Mapping[str, str], str, Callable[[], dict[str, Any]]]] = [
        ("mapped", map_windows, MAPPED, "the target's fields, by the mapping tables", lineage),
        ("planned", plan_windows, PLANNED, "the exact dry run: what would be written", dict),
        ("synced", synced, COLUMNS, "what happened to each record", dict),
    ]
    for name, step, columns, text, extra in layers:  # each depends on the tables, so that an edit dates all of them
        deps = [assets[-1].key, tables.key]
        assets.append(_layer(connected, AssetKey((name, flow.id)), deps, step, columns, text, extra))
    return assets, check


def _is_forgotten(row: Row) -> bool:
    """Whether the plan found documents that the ledger should have known."""
    return bool(row["outcome"] == "adopt" and row["reason"] == "LEDGER_EMPTY")


def _layer(
    connected: ConnectedFlow,
    key: AssetKey,
    deps: list[AssetKey],
    step: Step,
    columns: Mapping[str, str],
    text: str,
    extra: Callable[[], dict[str, Any]] = dict,
) -> AssetsDefinition:
    """One layer.

    Args:
        step: does the work, and returns the records that are not done. They fail the step after every outcome was
            committed.
        extra: gives metadata for the last window.
    """
    flow, settings = connected.flow, connected.settings

    @asset(
        key=key,
        deps=deps,
        group_name=flow.id,
        partitions_def=partitions(settings),
        backfill_policy=BackfillPolicy.single_run(),
        pool=flow.id,
        description=f"{flow.source} to {flow.target}, a row per record: {text}.",
        metadata={"dagster/column_schema": column_schema(columns)},
        kinds={"duckdb"},
    )
    def layer(context: AssetExecutionContext) -> None:
        began = time.monotonic()
        first, last = days_of(context, settings)
        with _plain_errors():
            failed = step(Work(connected, first, last, context.run.run_id)) or []
            windows = windows_of_layer(connected, key.path[0], first, last)
            more = extra()
        documents = [row for window in windows.values() for row in window.documents]
        if forgotten := sum(row["records"] for row in documents if _is_forgotten(row)):
            context.log.warning(f"The ledger of {flow.id} was empty; {forgotten} documents were there (LEDGER_EMPTY).")
        seconds = time.monotonic() - began
        by_key = {partition_key(day, settings): window for day, window in windows.items()}
        bad = {partition_key(row["window"], settings) for row in failed}
        for name in context.partition_keys:
            metadata = window_metadata(name, by_key.get(name, NOTHING), seconds)
            metadata |= more if name == partition_key(last, settings) else {}
            if not failed:
                context.add_asset_metadata(metadata, partition_key=name)
            else:  # the windows without a failed record are materialised all the same, the others show their records
                event = AssetObservation if name in bad else AssetMaterialization
                context.log_event(event(key, partition=name, metadata=metadata))
        if failed:
            raise failure(failed)

    return layer


def _mapping_tables(connected: ConnectedFlow) -> tuple[AssetsDefinition, AssetChecksDefinition]:
    key = AssetKey(("mapping_tables", connected.flow.id))

    @asset(
        key=key,
        group_name=connected.flow.id,
        description="The mapping CSVs; edit them in a spreadsheet.",
        kinds={"csv"},
    )
    def tables() -> MaterializeResult[Any]:
        version = connected.mapping_version()
        folder = MetadataValue.path(str(connected.table_folder))
        return MaterializeResult(data_version=DataVersion(version), metadata={"folder": folder, "version": version})

    @asset_check(asset=key, blocking=True, name="mapping_is_valid", description="Every row fits both systems.")
    def valid(context: AssetCheckExecutionContext) -> AssetCheckResult:
        try:
            compiled = connected.checked()
        except WinbcError as error:
            context.log.error(str(error))
            return AssetCheckResult(passed=False, metadata={"error": str(error)})
        return AssetCheckResult(passed=True, metadata={"tables": len(compiled)})

    return tables, valid


@contextmanager
def _plain_errors() -> Iterator[None]:
    """Errors for people end the step as they are. DuckDB's own may quote a value, and Dagster would keep it."""
    try:
        yield
    except WinbcError as error:
        raise Failure(str(error), metadata={"code": error.code}, allow_retries=False) from None
    except duckdb.Error as error:
        raise Failure(f"E-STORE: the flow's database refused a statement ({type(error).__name__}).") from None
