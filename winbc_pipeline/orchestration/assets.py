"""The four asset layers of a flow and its mapping tables.

Here belongs: turning windows into calls of sync/. What a layer does: sync/. What people see of it: metadata.py.
Concept pages: Assets, Asset checks, Partitions and backfills.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from inspect import signature
from typing import Any

import duckdb
from dagster import (
    AssetCheckResult,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetExecutionContext,
    AssetKey,
    AssetMaterialization,
    AssetObservation,
    AssetsDefinition,
    AssetSpec,
    BackfillPolicy,
    DataVersion,
    Failure,
    MarkdownMetadataValue,
    MaterializeResult,
    MetadataValue,
    Output,
    multi_asset,
)

from ..errors import TooManyWrites, WinbcError
from ..health.runs import watched
from ..settings import Settings
from ..staging import ledger
from ..staging.ledger import OPEN
from ..staging.ledger_tables import COLUMNS
from ..staging.lingering import let_go
from ..staging.store import Row
from ..sync.connected import ConnectedFlow
from ..sync.flow import Flow
from ..sync.guards.writes import held
from ..sync.map import MAPPED, map_windows
from ..sync.plan_table import PLANNED
from ..sync.reading.stage import stage
from ..sync.records.special.gone import in_words, reported
from ..sync.run import plan_windows, push_windows, records_not_done
from ..sync.work import Work
from .columns import column_schema, mapped_metadata, readable, staged_schema
from .layers import LayerWindow, windows_of_layer
from .many_windows import add_metadata, log_windows
from .metadata import failure, refused, window_metadata
from .names import key_of, named
from .stock import CHECK as STOCK
from .stock import CHECK_TEXT as STOCK_TEXT
from .stock import without_article
from .systems import NAMES, looked_up, sources_of
from .window_checks import report_window_checks, window_check_specs
from .windows import days_of, partition_key, partitions

NOTHING = LayerWindow()
TABLES = "mapping_tables"  # begins the keys of the only assets without windows
VALID, VALID_TEXT = "mapping_is_valid", "Every row fits both systems."
SYNCED, ALL_DONE = "synced", "all_records_done"
ALL_DONE_TEXT = "No record of any window waits for a person or the next run. Open a red window: it names its records."
GONE = "nothing_is_gone"
GONE_TEXT = (
    "The source still has every record that was sent, and uses it. docs/two-ways.md says what to do about others."
)
NO_PLACE = "without_a_place"  # what the source gives and the target does not get
EDITED = "The mapping tables were edited after these layers were made, so this run made them again."
OWN_COLUMNS = {
    name: readable(column_schema(columns))
    for name, columns in {"mapped": MAPPED, "planned": PLANNED, SYNCED: COLUMNS}.items()
}
LayerResults = Iterator[AssetCheckResult | MaterializeResult[Any] | Output[None]]


@dataclass(frozen=True)
class Done:
    """What the step of a layer did.

    Attributes:
        failed: the ledger rows of the records that are not done.
        again: names of the layers above that the step made again, because the mapping tables were edited.
        held: why nothing of the plan is sent until a person approves it; None when nothing holds it.
    """

    failed: list[Row] = field(default_factory=list)
    again: list[str] = field(default_factory=list)
    held: TooManyWrites | None = None


Step = Callable[[Work], Done]  # does the work of a layer


def flow_assets(connected: ConnectedFlow) -> list[AssetsDefinition]:
    """The assets of one flow: mapping tables, staging, mapped, planned, synced."""
    flow = connected.flow
    source, target = NAMES[flow.source], NAMES[flow.target]

    def staging(work: Work) -> Done:
        connected.checked()  # a broken table stops the flow before it reads anything
        stage(connected, work.first, told=work.told)
        return Done()

    def mapped(work: Work) -> Done:
        map_windows(work)
        return Done()

    def planned(work: Work) -> Done:
        return Done(again=plan_windows(work), held=held(work))

    def synced(work: Work) -> Done:
        try:
            done = Done(again=push_windows(work))
        except TooManyWrites as error:
            done = Done(held=error)
        return replace(done, failed=records_not_done(connected, work.first, work.last))

    staging_key = key_of(connected.settings, "staging", flow.staging)

    def lineage() -> dict[str, Any]:
        return mapped_metadata(staging_key, connected.compiled())

    def remarks() -> dict[str, Any]:
        return _remarks(connected)

    tables = _mapping_tables(connected)
    read = f"Staged: what changed in {source}, the newest version of each record."
    staged = readable(staged_schema(connected))
    assets = [tables, _layer(connected, staging_key, sources_of(connected), staging, staged, read)]
    layers: list[tuple[str, Step, str, Callable[[], dict[str, Any]]]] = [
        ("mapped", mapped, f"Mapped: the fields of {target}, by the mapping tables.", lineage),
        ("planned", planned, f"Planned: what would be written to {target}, the exact dry run.", remarks),
        (SYNCED, synced, f"Synced: what became of each record in {target}.", dict),
    ]
    for name, step, text, extra in layers:
        # Each layer depends on the tables, so that Dagster shows all of them as out of date after an edit.
        deps = [assets[-1].key, tables.key]
        if name == "planned":
            deps += looked_up(connected)
        key = key_of(connected.settings, name, flow.id)
        assets.append(_layer(connected, key, deps, step, OWN_COLUMNS[name], text, extra))
    return assets


def _remarks(connected: ConnectedFlow) -> dict[str, Any]:
    """What people should know of the records that were read, as metadata; nothing when that is nothing."""
    found = connected.flow.notes(connected.settings)
    return {"remarks": "\n".join(found)} if found else {}


def _is_forgotten(row: Row) -> bool:
    """Whether the documents of a row are in Business Central, and the ledger should have known them."""
    return bool(row["outcome"] == "adopt" and row["reason"] == "LEDGER_EMPTY")


def _with_signature(function: Callable[..., LayerResults]) -> Callable[..., LayerResults]:
    """Notes a function's signature in it. Dagster asks for it 16 times, and Python would work it out each time."""
    vars(function)["__signature__"] = signature(function)
    return function


def _layer(
    connected: ConnectedFlow,
    key: AssetKey,
    deps: list[AssetKey],
    step: Step,
    columns: MarkdownMetadataValue,
    text: str,
    extra: Callable[[], dict[str, Any]] = dict,
) -> AssetsDefinition:
    """The asset of one layer.

    Args:
        step: does the work. When records are not done, the asset's step fails. By then every outcome is in the ledger.
        columns: the columns of the layer's table.
        text: what the layer holds. The graph shows it below the name, which is the same for three layers.
        extra: gives more metadata, for the last window.
    """
    flow = connected.flow

    # Under `dagster/column_schema` the UI would show the columns above counts and records, which are the news.
    spec = AssetSpec(
        key,
        deps=deps,
        group_name=named(connected.settings, flow.id),
        partitions_def=partitions(connected.settings),
        description=text,
        metadata={"columns": columns},
        kinds={"duckdb", key.path[-2]},
    )

    @multi_asset(
        name=key.to_python_identifier(),
        specs=[spec],
        backfill_policy=BackfillPolicy.single_run(),
        pool=named(connected.settings, flow.lease),  # one run at a time: the runs share a database file, or pairs
        check_specs=_check_specs(connected, key),
        config_schema={},  # none is taken, because Dagster stores and shows it
    )
    @_with_signature
    def layer(context: AssetExecutionContext) -> LayerResults:
        yield from _run_layer(context, connected, key, step, extra)

    return layer


def _run_layer(
    context: AssetExecutionContext,
    connected: ConnectedFlow,
    key: AssetKey,
    step: Step,
    extra: Callable[[], dict[str, Any]],
) -> LayerResults:
    """Does the work of one layer, and shows each window of it. Raises Failure when records are not done."""
    settings = connected.settings
    began, name = time.monotonic(), key.path[-2]
    first, last = days_of(context, settings)
    is_last = name == SYNCED
    with _plain_errors(), watched(connected, ends=is_last, layer=name, run=context.run.run_id):
        done = step(Work(connected, first, last, context.run.run_id, told=context.log.info))
        windows = windows_of_layer(connected, name, first, last)
        above = {layer: windows_of_layer(connected, layer, first, last) for layer in done.again}
        more = extra()
        checks = _checks(connected) if is_last else []
    let_go()  # Dagster's events of years of windows take seconds
    yield from checks
    if is_last:
        yield from report_window_checks(context, connected, first, last)
    _warn_of_empty_ledger(context, connected.flow, windows.values())
    seconds = time.monotonic() - began
    again, more = _made_again(done.again), _held(done.held) | more
    if done.held and not done.failed:
        context.log.warning(str(done.held))
    for name, made in above.items():
        context.log.warning(f"{name}/{connected.flow.id}: {EDITED}")
        layer = key_of(settings, name, connected.flow.id)
        _log_windows(context, layer, _shown(context, settings, made, seconds, again), set())
    shown = _shown(context, settings, windows, seconds, again)
    shown[partition_key(last, settings)] |= more
    if done.failed:
        red = {partition_key(row["window"], settings) for row in done.failed}
        _log_windows(context, key, shown, red)
        told = [row for window in windows.values() for row in window.records]
        raise failure(done.failed, {(row["part"], row["key"]): row["message"] for row in told}, done.held)
    add_metadata(context, key, shown)
    yield MaterializeResult()


def _check_specs(connected: ConnectedFlow, key: AssetKey) -> list[AssetCheckSpec]:
    """The checks of a layer; only the last one has some."""
    flow = connected.flow
    if key.path[-2] != SYNCED:
        return []
    texts = {ALL_DONE: ALL_DONE_TEXT} | ({GONE: GONE_TEXT} if flow.gone else {})
    texts |= {STOCK: STOCK_TEXT} if flow.emptied else {}
    whole = [AssetCheckSpec(name, asset=key, description=text) for name, text in texts.items()]
    return [*whole, *window_check_specs(flow, connected.settings, key)]


def _checks(connected: ConnectedFlow) -> list[AssetCheckResult]:
    flow = connected.flow
    more = [_nothing_gone(connected)] if flow.gone else []
    return [_all_done(connected), *more, *([without_article(connected)] if flow.emptied else [])]


def _nothing_gone(connected: ConnectedFlow) -> AssetCheckResult:
    """Whether the source still has what was sent. It warns: nothing is wrong with the run."""
    found = reported(connected)
    counts = {f"gone_{reason.lower()}": count for reason, (count, _) in found.items()}
    return AssetCheckResult(
        check_name=GONE,
        passed=not found,
        severity=AssetCheckSeverity.WARN,
        metadata={**counts, "gone_records": "\n".join(in_words(found))},
    )


def _all_done(connected: ConnectedFlow) -> AssetCheckResult:
    """Whether no record of the flow is open, whatever window it is in."""
    states = ", ".join(f"'{state}'" for state in OPEN)
    rows = ledger.read(connected.store, f"state IN ({states})")
    windows = sorted({partition_key(row["window"], connected.settings) for row in rows})
    return AssetCheckResult(
        check_name=ALL_DONE,
        passed=not rows,
        metadata={"open_records": len(rows), "red_windows": ", ".join(windows)},
    )


def _made_again(layers: list[str]) -> dict[str, str]:
    """What the metadata say of layers that were made again: a plan that somebody has seen may not be what was sent."""
    return {"made_again": f"{', '.join(layers)}. {EDITED}"} if layers else {}


def _held(held: TooManyWrites | None) -> dict[str, str]:
    """What the metadata of the last window say of a plan that waits for a person's approval."""
    return {"held": str(held)} if held else {}


def _shown(
    context: AssetExecutionContext,
    settings: Settings,
    windows: Mapping[date, LayerWindow],
    seconds: float,
    more: Mapping[str, str],
) -> dict[str, dict[str, Any]]:
    """The metadata of each window of this run, by partition key.

    Args:
        windows: the windows of one layer, by their first day.
        more: metadata of all windows.
    """
    by_key = {partition_key(day, settings): window for day, window in windows.items()}
    return {
        name: {**window_metadata(name, by_key.get(name, NOTHING), seconds), **more} for name in context.partition_keys
    }


def _warn_of_empty_ledger(context: AssetExecutionContext, flow: Flow, windows: Iterable[LayerWindow]) -> None:
    documents = [row for window in windows for row in window.documents]
    if forgotten := sum(row["records"] for row in documents if _is_forgotten(row)):
        context.log.warning(f"The ledger of {flow.id} was empty; {forgotten} documents were there (LEDGER_EMPTY).")


def _log_windows(
    context: AssetExecutionContext, key: AssetKey, shown: Mapping[str, dict[str, Any]], red: set[str]
) -> None:
    """Shows each window of a layer that Dagster does not materialise by itself: its step fails, or is another one's.

    Windows without a failed record are materialised all the same. The others (`red`) only show their records.

    Dagster's overview of an asset shows the newest materialisation and no observation. The figures of the newest red
    window are therefore in a last one of no window, which leaves the window red.
    """
    kinds = {name: AssetObservation if name in red else AssetMaterialization for name in shown}
    log_windows(context, [kinds[name](key, partition=name, metadata=metadata) for name, metadata in shown.items()])
    if red:
        newest = {"red_windows": ", ".join(sorted(red)), **shown[max(red)]}
        context.log_event(AssetMaterialization(key, metadata=newest, description="Red: not all records are done."))


def _mapping_tables(connected: ConnectedFlow) -> AssetsDefinition:
    """The asset of a flow's mapping CSVs, whose data version is the hash of the files, with the check of its rows."""
    key = key_of(connected.settings, TABLES, connected.flow.id)
    spec = AssetSpec(
        key,
        group_name=named(connected.settings, connected.flow.id),
        description="The mapping CSVs; edit them in a spreadsheet.",
        kinds={"csv"},
    )
    valid = AssetCheckSpec(VALID, asset=key, blocking=True, description=VALID_TEXT)

    @multi_asset(name=key.to_python_identifier(), specs=[spec], check_specs=[valid], config_schema={})
    @_with_signature
    def tables(context: AssetExecutionContext) -> Iterator[MaterializeResult[Any]]:
        with _plain_errors():
            version = connected.mapping_version()
        folder = MetadataValue.path(str(connected.settings.tables.own / connected.flow.id))
        metadata: dict[str, Any] = {"folder": folder, "version": version}
        if base := connected.settings.mapping_base:
            metadata["base"] = MetadataValue.path(str(base / connected.flow.id))
        yield MaterializeResult(
            data_version=DataVersion(version), metadata=metadata, check_results=[_valid(context, connected)]
        )

    return tables


def _valid(context: AssetExecutionContext, connected: ConnectedFlow) -> AssetCheckResult:
    """Whether every row of the tables fits both systems. Where one does not, the flow reads nothing."""
    try:
        compiled, unplaced = connected.checked(), connected.without_place()
    except WinbcError as error:
        context.log.error(str(error))
        return AssetCheckResult(check_name=VALID, passed=False, metadata={"error": str(error)})
    metadata: dict[str, Any] = {"tables": len(compiled)}
    return AssetCheckResult(
        check_name=VALID, passed=True, metadata=metadata | ({NO_PLACE: "\n".join(unplaced)} if unplaced else {})
    )


@contextmanager
def _plain_errors() -> Iterator[None]:
    """Ends a step with the message of a WinbcError, which is written for people, or the kind of an error of DuckDB."""
    try:
        yield
    except WinbcError as error:
        raise Failure(str(error), metadata={"code": error.code}, allow_retries=False) from None
    except duckdb.Error as error:
        raise Failure(refused(error)) from None
