"""The four asset layers of a flow and its mapping tables.

Here belongs: turning a window into calls of sync/, and results into metadata without personal data.
Not: what a layer does.
Concept pages: Assets, Asset checks, Partitions and backfills.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import date, timedelta
from typing import Any

from dagster import (
    AssetCheckExecutionContext,
    AssetCheckResult,
    AssetChecksDefinition,
    AssetExecutionContext,
    AssetKey,
    AssetMaterialization,
    AssetsDefinition,
    BackfillPolicy,
    DailyPartitionsDefinition,
    DataVersion,
    Failure,
    MaterializeResult,
    MetadataValue,
    TableColumn,
    TableRecord,
    TableSchema,
    asset,
    asset_check,
)

from ..errors import WinbcError
from ..settings import Settings
from ..staging.ledger import COLUMNS
from ..staging.store import Row
from ..sync.flow import Flow
from ..sync.map import MAPPED, compile_flow, map_windows, mapping_version
from ..sync.outcomes import REASONS
from ..sync.plan import PLANNED
from ..sync.run import not_done, plan_windows, planned, push_windows, records, staged_counts
from ..sync.stage import stage, staging_table

SHOWN = 50
SHOWN_COLUMNS = ("record", "part", "outcome", "reason")


def partitions(settings: Settings) -> DailyPartitionsDefinition:
    """Days in UTC from the start of history; today's window is open."""
    return DailyPartitionsDefinition(start_date=settings.history_start.isoformat(), end_offset=1)


def windows(context: AssetExecutionContext) -> tuple[date, date]:
    """First and last window of this run."""
    span = context.partition_time_window
    return span.start.date(), (span.end - timedelta(days=1)).date()


def flow_assets(flow: Flow, settings: Settings) -> tuple[list[AssetsDefinition], AssetChecksDefinition]:
    """Mapping tables, staging, mapped, planned and synced of one flow, and the check that guards them."""
    tables, check = _mapping_tables(flow, settings)
    schema = _schema(staging_table(flow, settings).columns)
    staging_key, mapped_key, planned_key = ("staging", flow.staging), ("mapped", flow.id), ("planned", flow.id)

    def layer(key: tuple[str, str], deps: list[AssetKey], schema: TableSchema, text: str) -> Callable[..., Any]:
        return asset(
            key=AssetKey(key),
            deps=deps,
            group_name=flow.id,
            partitions_def=partitions(settings),
            backfill_policy=BackfillPolicy.single_run(),
            pool=flow.id,
            description=text,
            metadata={"dagster/column_schema": schema},
            kinds={"duckdb"},
        )

    @layer(staging_key, [tables.key], schema, f"What changed in {flow.source}, newest version per record.")
    def staging(context: AssetExecutionContext) -> None:
        first, last = windows(context)
        with _plain_errors():
            read = stage(flow, settings, first)
        context.log.info(f"{read} records read from {flow.source}")
        for window, count in staged_counts(flow, settings, first, last).items():
            context.add_asset_metadata({"dagster/partition_row_count": count}, partition_key=window.isoformat())

    @layer(mapped_key, [AssetKey(staging_key)], _schema_of(MAPPED), "The target's fields, by the mapping tables.")
    def mapped(context: AssetExecutionContext) -> None:
        with _plain_errors():
            rows = map_windows(flow, settings, *windows(context))
        context.log.info(f"{rows} rows mapped")

    @layer(planned_key, [AssetKey(mapped_key)], _schema(PLANNED), "The exact dry run: what would be written.")
    def plan(context: AssetExecutionContext) -> None:
        first, last = windows(context)
        with _plain_errors():
            plan_windows(flow, settings, first, last, context.run.run_id)
        _add_tables(context, planned(flow, settings, first, last), "action")

    @layer(("synced", flow.id), [AssetKey(planned_key)], _schema(COLUMNS), "What happened to each record.")
    def synced(context: AssetExecutionContext) -> None:
        first, last = windows(context)
        with _plain_errors():
            push_windows(flow, settings, first, last, context.run.run_id)
        rows = records(flow, settings, first, last)
        failed = not_done(rows)
        if failed:
            _materialise_good(context, flow, rows, {row["window"] for row in failed})
            raise _failure(failed)
        _add_tables(context, rows, "state")

    return [tables, staging, mapped, plan, synced], check


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
            compiled = compile_flow(flow, settings)
        except WinbcError as error:
            context.log.error(str(error))
            return AssetCheckResult(passed=False, metadata={"error": str(error)})
        return AssetCheckResult(passed=True, metadata={"tables": len(compiled)})

    return tables, valid


class _plain_errors:
    """Errors for people end the step as they are; retrying them would not help."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        if isinstance(error, WinbcError):
            raise Failure(str(error), metadata={"code": error.code}, allow_retries=False) from None


def _failure(failed: list[Row]) -> Failure:
    reasons = Counter(row["reason"] for row in failed)
    names = ", ".join(f"{row['part']} {row['key']} ({row['reason']})" for row in failed[:20])
    more = f" and {len(failed) - 20} more" if len(failed) > 20 else ""
    advice = " ".join(f"{reason}: {REASONS.get(reason, '')}" for reason in reasons)
    text = f"{len(failed)} records are not done: {names}{more}. {advice} Mend the cause and rerun this partition."
    return Failure(text, metadata={"failed": len(failed), "records": _table(failed, "state")}, allow_retries=False)


def _materialise_good(context: AssetExecutionContext, flow: Flow, rows: list[Row], bad: set[date]) -> None:
    """A range of windows fails as one step; the windows without a failed record are materialised all the same."""
    by_window = _by_window(rows)
    for partition in context.partition_keys:
        window = date.fromisoformat(partition)
        if window not in bad:
            metadata = _metadata(by_window.get(window, []), "state")
            context.log_event(
                AssetMaterialization(AssetKey(("synced", flow.id)), partition=partition, metadata=metadata)
            )


def _by_window(rows: Iterable[Row]) -> dict[date, list[Row]]:
    grouped: dict[date, list[Row]] = {}
    for row in rows:
        grouped.setdefault(row["window"], []).append(row)
    return grouped


def _add_tables(context: AssetExecutionContext, rows: list[Row], outcome: str) -> None:
    for window, own in _by_window(rows).items():
        context.add_asset_metadata(_metadata(own, outcome), partition_key=window.isoformat())


def _metadata(rows: list[Row], outcome: str) -> dict[str, Any]:
    counts = Counter(f"{row[outcome]}".lower() for row in rows)
    return {
        "dagster/partition_row_count": len(rows),
        **{f"records_{name}": count for name, count in counts.items()},
        "records": _table(rows, outcome),
    }


def _table(rows: list[Row], outcome: str) -> MetadataValue[Any]:
    """The first records: keys, outcome and reason only. Dagster keeps and shows this, so no personal data."""
    shown = [
        TableRecord(
            {
                "record": row["key"],
                "part": row["part"],
                "outcome": str(row[outcome]),
                "reason": row["reason"] or "",
            }
        )
        for row in rows[:SHOWN]
    ]
    return MetadataValue.table(shown, TableSchema([TableColumn(name, "string") for name in SHOWN_COLUMNS]))


def _schema(columns: dict[str, str]) -> TableSchema:
    return TableSchema([TableColumn(name, kind) for name, kind in columns.items()])


def _schema_of(ddl: str) -> TableSchema:
    names = ("part", "_key", "_window", "_version", "creates", "updates", "errors", "hash", "skip_reason")
    return TableSchema([TableColumn(name, "string") for name in names if name in ddl])
