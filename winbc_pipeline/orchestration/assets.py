"""The four asset layers of a flow and its mapping tables.

Here belongs: turning a window into calls of sync/. Not: what a layer does, nor what people see of it (metadata.py).
Concept pages: Assets, Asset checks, Partitions and backfills.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, timedelta
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
    DailyPartitionsDefinition,
    DataVersion,
    Failure,
    MaterializeResult,
    MetadataValue,
    asset,
    asset_check,
)

from ..errors import WinbcError
from ..settings import Settings
from ..staging.ledger import COLUMNS
from ..staging.load import OWN
from ..staging.store import Row
from ..sync.flow import Flow
from ..sync.map import MAPPED, checked_flow, compile_flow, map_windows, mapping_version
from ..sync.planned import PLANNED
from ..sync.run import Seen, not_done, plan_windows, push_windows, records, seen
from ..sync.stage import stage, staging_table
from .metadata import column_lineage, column_schema, failure, window_metadata

NOTHING = Seen({}, [])
Work = Callable[[date, date, str], list[Row] | None]


def partitions(settings: Settings) -> DailyPartitionsDefinition:
    """Days in UTC from the start of history; today's window is open."""
    return DailyPartitionsDefinition(start_date=settings.history_start.isoformat(), end_offset=1)


def windows(context: AssetExecutionContext) -> tuple[date, date]:
    """First and last window of this run."""
    span = context.partition_time_window
    return span.start.date(), (span.end - timedelta(days=1)).date()


def flow_assets(flow: Flow, settings: Settings) -> tuple[list[AssetsDefinition], AssetChecksDefinition]:
    """Mapping tables, staging, mapped, planned and synced of one flow, and the check that guards them."""

    def staging(first: date, last: date, _: str) -> None:
        checked_flow(flow, settings)  # what could not be mapped is not read either
        stage(flow, settings, first)

    def mapped(first: date, last: date, _: str) -> None:
        map_windows(flow, settings, first, last)

    def plan(first: date, last: date, run_id: str) -> None:
        plan_windows(flow, settings, first, last, run_id)

    def synced(first: date, last: date, run_id: str) -> list[Row]:
        push_windows(flow, settings, first, last, run_id)
        return not_done(records(flow, settings, first, last))

    def lineage() -> dict[str, Any]:
        return column_lineage(AssetKey(("staging", flow.staging)), compile_flow(flow, settings), MAPPED)

    tables, check = _mapping_tables(flow, settings)
    key = AssetKey(("staging", flow.staging))
    columns, text = OWN | staging_table(flow, settings).columns, "newest version per record"
    assets = [tables, _layer(flow, settings, key, [], staging, columns, text)]
    layers = [
        ("mapped", mapped, MAPPED, "the target's fields, by the mapping tables", lineage),
        ("planned", plan, PLANNED, "the exact dry run: what would be written", dict),
        ("synced", synced, COLUMNS, "what happened to each record", dict),
    ]
    for name, work, columns, text, extra in layers:  # each depends on the tables, so that an edit dates all of them
        deps = [assets[-1].key, tables.key]
        assets.append(_layer(flow, settings, AssetKey((name, flow.id)), deps, work, columns, text, extra))
    return assets, check


def _is_forgotten(row: Row) -> bool:
    """Whether the plan found documents that the ledger should have known."""
    return bool(row["outcome"] == "adopt" and row["reason"] == "LEDGER_EMPTY")


def _layer(
    flow: Flow,
    settings: Settings,
    key: AssetKey,
    deps: list[AssetKey],
    work: Work,
    columns: Mapping[str, str],
    text: str,
    extra: Callable[[], dict[str, Any]] = dict,
) -> AssetsDefinition:
    """One layer. `work` returns the records that are not done: they fail the step after every outcome was committed.
    `extra` is metadata for the last window."""

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
        first, last = windows(context)
        with _plain_errors():
            failed = work(first, last, context.run.run_id) or []
            views = seen(flow, settings, key.path[0], first, last)
            more = extra()
        if forgotten := sum(row["records"] for view in views.values() for row in view.documents if _is_forgotten(row)):
            context.log.warning(f"The ledger of {flow.id} was empty; {forgotten} documents were there (LEDGER_EMPTY).")
        seconds = time.monotonic() - began
        bad = {row["window"].isoformat() for row in failed}
        for window in context.partition_keys:
            metadata = window_metadata(window, views.get(date.fromisoformat(window), NOTHING), seconds)
            metadata |= more if window == last.isoformat() else {}
            if not failed:
                context.add_asset_metadata(metadata, partition_key=window)
            else:  # the windows without a failed record are materialised all the same, the others show their records
                event = AssetObservation if window in bad else AssetMaterialization
                context.log_event(event(key, partition=window, metadata=metadata))
        if failed:
            raise failure(failed)

    return layer


def _mapping_tables(flow: Flow, settings: Settings) -> tuple[AssetsDefinition, AssetChecksDefinition]:
    key = AssetKey(("mapping_tables", flow.id))

    @asset(key=key, group_name=flow.id, description="The mapping CSVs; edit them in a spreadsheet.", kinds={"csv"})
    def tables() -> MaterializeResult[Any]:
        version = mapping_version(flow, settings)
        folder = MetadataValue.path(str(settings.mapping_folder / flow.id))
        return MaterializeResult(data_version=DataVersion(version), metadata={"folder": folder, "version": version})

    @asset_check(asset=key, blocking=True, name="mapping_is_valid", description="Every row fits both systems.")
    def valid(context: AssetCheckExecutionContext) -> AssetCheckResult:
        try:
            compiled = checked_flow(flow, settings)
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
