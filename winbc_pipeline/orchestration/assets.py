"""The four asset layers of a flow and its mapping tables.

Here belongs: turning windows into calls of sync/. What a layer does: sync/. What people see of it: metadata.py.
Concept pages: Assets, Asset checks, Partitions and backfills.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
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
from ..sync.flow import Flow
from ..sync.map import MAPPED, map_windows
from ..sync.plan_table import PLANNED
from ..sync.run import not_done, plan_windows, push_windows, records
from ..sync.stage import stage
from ..sync.work import Work
from .layers import LayerWindow, windows_of_layer
from .metadata import column_lineage, column_schema, failure, window_metadata
from .windows import days_of, partition_key, partitions

NOTHING = LayerWindow()
Step = Callable[[Work], list[Row] | None]  # does the work of a layer; returns the records that are not done


def flow_assets(connected: ConnectedFlow) -> tuple[list[AssetsDefinition], AssetChecksDefinition]:
    """The assets of one flow (mapping tables, staging, mapped, planned, synced), and the check of its tables."""
    flow = connected.flow

    def staging(work: Work) -> None:
        connected.checked()  # a broken table stops the flow before it reads anything
        stage(connected, work.first)

    def synced(work: Work) -> list[Row]:
        push_windows(work)
        return not_done(records(connected, work.first, work.last))

    staging_key = AssetKey(("staging", flow.staging))

    def lineage() -> dict[str, Any]:
        return column_lineage(staging_key, connected.compiled(), MAPPED)

    tables, check = _mapping_tables(connected)
    staged = OWN | connected.staging.columns
    assets = [tables, _layer(connected, staging_key, [], staging, staged, "newest version per record")]
    layers: list[tuple[str, Step, Mapping[str, str], str, Callable[[], dict[str, Any]]]] = [
        ("mapped", map_windows, MAPPED, "the target's fields, by the mapping tables", lineage),
        ("planned", plan_windows, PLANNED, "the exact dry run: what would be written", dict),
        ("synced", synced, COLUMNS, "what happened to each record", dict),
    ]
    for name, step, columns, text, extra in layers:
        # Each layer depends on the tables, so that Dagster shows all of them as out of date after an edit.
        deps = [assets[-1].key, tables.key]
        assets.append(_layer(connected, AssetKey((name, flow.id)), deps, step, columns, text, extra))
    return assets, check


def _is_forgotten(row: Row) -> bool:
    """Whether the documents of a row are in Business Central, and the ledger should have known them."""
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
    """The asset of one layer.

    Args:
        step: does the work, and returns the records that are not done. When there are any, the asset's step fails. By
            then every outcome is in the ledger.
        columns: DuckDB type of each column of the layer's table, by name.
        text: what one row of the layer is.
        extra: gives more metadata, for the last window.
    """
    flow = connected.flow

    @asset(
        key=key,
        deps=deps,
        group_name=flow.id,
        partitions_def=partitions(connected.settings),
        backfill_policy=BackfillPolicy.single_run(),
        pool=flow.id,  # one run of a flow at a time: they share a database file
        description=f"{flow.source} to {flow.target}, a row per record: {text}.",
        metadata={"dagster/column_schema": column_schema(columns)},
        kinds={"duckdb"},
    )
    def layer(context: AssetExecutionContext) -> None:
        _run_layer(context, connected, key, step, extra)

    return layer


def _run_layer(
    context: AssetExecutionContext,
    connected: ConnectedFlow,
    key: AssetKey,
    step: Step,
    extra: Callable[[], dict[str, Any]],
) -> None:
    """Does the work of one layer, and shows each window of it. Raises Failure when records are not done."""
    settings = connected.settings
    began = time.monotonic()
    first, last = days_of(context, settings)
    with _plain_errors():
        failed = step(Work(connected, first, last, context.run.run_id)) or []
        windows = windows_of_layer(connected, key.path[0], first, last)
        more = extra()
    _warn_of_empty_ledger(context, connected.flow, windows.values())
    seconds = time.monotonic() - began
    by_key = {partition_key(day, settings): window for day, window in windows.items()}
    shown = {}
    for name in context.partition_keys:
        shown[name] = window_metadata(name, by_key.get(name, NOTHING), seconds)
        if name == partition_key(last, settings):
            shown[name] |= more
    if failed:
        red = {partition_key(row["window"], settings) for row in failed}
        _log_windows(context, key, shown, red)
        told = [row for window in windows.values() for row in window.records]
        raise failure(failed, {(row["part"], row["key"]): row["message"] for row in told})
    for name, metadata in shown.items():
        context.add_asset_metadata(metadata, partition_key=name)


def _warn_of_empty_ledger(context: AssetExecutionContext, flow: Flow, windows: Iterable[LayerWindow]) -> None:
    documents = [row for window in windows for row in window.documents]
    if forgotten := sum(row["records"] for row in documents if _is_forgotten(row)):
        context.log.warning(f"The ledger of {flow.id} was empty; {forgotten} documents were there (LEDGER_EMPTY).")


def _log_windows(
    context: AssetExecutionContext, key: AssetKey, shown: Mapping[str, dict[str, Any]], red: set[str]
) -> None:
    """Shows each window of a step that is about to fail. Dagster materialises nothing for such a step by itself.

    Windows without a failed record are materialised all the same. The others (`red`) only show their records.
    """
    for name, metadata in shown.items():
        event = AssetObservation if name in red else AssetMaterialization
        context.log_event(event(key, partition=name, metadata=metadata))


def _mapping_tables(connected: ConnectedFlow) -> tuple[AssetsDefinition, AssetChecksDefinition]:
    """The asset of a flow's mapping CSVs, whose data version is the hash of the files, and the check of its rows."""
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
    """Ends a step with the message of a WinbcError, which is written for people.

    A message of DuckDB may quote a value, and Dagster would keep it. Only the kind of the error is shown.
    """
    try:
        yield
    except WinbcError as error:
        raise Failure(str(error), metadata={"code": error.code}, allow_retries=False) from None
    except duckdb.Error as error:
        kind = type(error).__name__
        raise Failure(f"E-WINBC: the flow's database refused a statement ({kind}). See docs/errors.md.") from None
