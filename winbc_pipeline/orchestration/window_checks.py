"""Checks of the synced layer that have a result for each window: shares, totals, and what is left to do.

Here belongs: what is checked. A result is reported for the windows of a run that hold records. Concept pages: Asset
checks, Partitions.
"""

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any

from dagster import AssetCheckEvaluation, AssetCheckSeverity, AssetCheckSpec, AssetExecutionContext, AssetKey, Output

from ..settings import CheckSettings, Settings
from ..staging import ledger
from ..staging.ledger import OPEN
from ..staging.store import Row, rows_of
from ..sync.connected import ConnectedFlow
from ..sync.flow import Flow
from .many_windows import store_results
from .names import key_of
from .windows import partition_key, partitions

FEW_FAILED, FEW_SKIPPED, TOTALS, NONE_LEFT = "few_failed", "few_skipped", "totals_agree", "none_left_failed"
TEXTS = {
    FEW_FAILED: "The share of records that failed is at most `checks.failed_percent`.",
    FEW_SKIPPED: "The share of records that are left out is at most `checks.skipped_percent`.",
    TOTALS: "Each document's total in the target is the source's, to the cent.",
    NONE_LEFT: "No record of the window waits for a person or the next run. To recover: open the red window, mend what "
    "its records name, and materialize the window again; or use `winbc retry`. docs/errors.md.",
}
# Reasons of records that are left out as a matter of course.
USUAL = ("UNCHANGED", "DRIFT", "ORIGIN", "AS_ORDER", "KEPT", "SHARED")


def window_check_specs(flow: Flow, settings: Settings, key: AssetKey) -> list[AssetCheckSpec]:
    """The checks of a flow's synced layer that have a result for each window."""
    return [
        AssetCheckSpec(name, asset=key, description=TEXTS[name], partitions_def=partitions(settings))
        for name in _names(flow)
    ]


def report_window_checks(
    context: AssetExecutionContext, connected: ConnectedFlow, first: date, last: date
) -> Iterator[Output[None]]:
    """Reports the results of the windows of a run, and yields what Dagster expects of each check."""
    flow = connected.flow
    key = key_of(connected.settings, "synced", flow.id)
    windows = _windows(connected, first, last)
    store_results(
        context, [each for row in windows for each in _evaluations(flow, connected.settings.checks, key, row)]
    )
    names = {check.name for check in context.selected_asset_check_keys}
    outputs = context.assets_def.check_specs_by_output_name
    yield from (Output(None, output) for output, spec in outputs.items() if spec.name in names & set(_names(flow)))


def _names(flow: Flow) -> Iterable[str]:
    return [name for name in TEXTS if name != TOTALS or flow.document]


def _windows(connected: ConnectedFlow, first: date, last: date) -> list[Row]:
    """Figures of the windows between two days that hold records of the main part, the oldest first."""
    states = ", ".join(f"'{state}'" for state in OPEN)
    usual = ", ".join(f"'{reason}'" for reason in USUAL)
    with connected.store.open() as connection:
        ledger.create(connection)
        days = rows_of(
            connection,
            f"""
            SELECT
                "window",
                count(*) AS records,
                count(*) FILTER (state IN ('FAILED', 'UNKNOWN')) AS failed,
                count(*) FILTER (state IN ({states})) AS open,
                count(*) FILTER (state = 'SKIPPED' AND coalesce(reason, '') NOT IN ({usual})) AS skipped,
                count(*) FILTER (state = 'CONFIRMED' AND difference <> 0) AS differing,
                coalesce(sum(difference) FILTER (state = 'CONFIRMED'), 0) AS difference
            FROM ledger
            WHERE "window" BETWEEN ? AND ?
            GROUP BY ALL
            ORDER BY ALL
            """,
            [first, last],
        )
    return _by_window(days, connected.settings)


def _by_window(days: Iterable[Row], settings: Settings) -> list[Row]:
    windows: dict[str, Row] = {}
    for day in days:
        name = partition_key(day.pop("window"), settings)
        known = windows.get(name, dict.fromkeys(day, 0))
        windows[name] = {"name": name, **{figure: known[figure] + count for figure, count in day.items()}}
    return list(windows.values())


def _evaluations(flow: Flow, settings: CheckSettings, key: AssetKey, window: Row) -> Iterator[AssetCheckEvaluation]:
    failed = 100 * window["failed"] / window["records"]
    skipped = 100 * window["skipped"] / window["records"]
    figures: dict[str, tuple[bool, dict[str, Any]]] = {
        FEW_FAILED: (failed <= settings.failed_percent, {"failed_percent": failed, "failed": window["failed"]}),
        FEW_SKIPPED: (skipped <= settings.skipped_percent, {"skipped_percent": skipped, "skipped": window["skipped"]}),
        TOTALS: (
            not window["differing"],
            {"documents": window["differing"], "difference": f"{window['difference']:.2f}"},
        ),
        NONE_LEFT: (not window["open"], {"open_records": window["open"]}),
    }
    for name in _names(flow):
        passed, metadata = figures[name]
        severe = name in (FEW_FAILED, NONE_LEFT)
        yield AssetCheckEvaluation(
            asset_key=key,
            check_name=name,
            passed=passed,
            severity=AssetCheckSeverity.ERROR if severe else AssetCheckSeverity.WARN,
            description=None if passed else TEXTS[name],
            metadata=metadata | {"records": window["records"]},
            partition=window["name"],
        )
