"""Windows as Dagster's partitions: a day, a week or a month (UTC) of the source's modification moments.

Here belongs: which window holds a day, and its partition key. Staging, plan and ledger know days and no windows. The
setting `window` may therefore change later. Concept page: Partitions and backfills.
"""

from datetime import date, timedelta

from dagster import (
    AssetExecutionContext,
    DailyPartitionsDefinition,
    MonthlyPartitionsDefinition,
    TimeWindowPartitionsDefinition,
    WeeklyPartitionsDefinition,
)

from ..settings import Settings

MONDAY = 1  # as Dagster counts days of the week
# Dagster's history of a window hangs on its key.
KEYS = {"day": "%Y-%m-%d", "week": "%Y-%m-%d", "month": "%Y-%m"}
RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"


def partitions(settings: Settings) -> TimeWindowPartitionsDefinition:
    """All windows, from the one that holds the start of history to the present one, which is still open."""
    start = partition_key(settings.history_start, settings)
    # end_offset=1 adds the window that has not ended yet.
    if settings.window == "month":
        return MonthlyPartitionsDefinition(start_date=start, fmt=KEYS["month"], end_offset=1)
    if settings.window == "week":
        return WeeklyPartitionsDefinition(start_date=start, day_offset=MONDAY, end_offset=1)
    return DailyPartitionsDefinition(start_date=start, end_offset=1)


def window_of(day: date, settings: Settings) -> date:
    """The first day of the window that holds a day."""
    if settings.window == "month":
        return day.replace(day=1)
    if settings.window == "week":
        return day - timedelta(days=day.weekday())
    return day


def partition_key(day: date, settings: Settings) -> str:
    """The partition key of the window that holds a day: its first day (`2026-03-02`), or its month (`2026-03`)."""
    return window_of(day, settings).strftime(KEYS[settings.window])


def range_tags(first: date, last: date, settings: Settings) -> dict[str, str]:
    """The tags of one run over all windows between two days, both included."""
    return {RANGE_START: partition_key(first, settings), RANGE_END: partition_key(last, settings)}


def days_of(context: AssetExecutionContext, settings: Settings) -> tuple[date, date]:
    """First and last day of this run's windows. The first day is never before the start of history."""
    span = context.partition_time_window
    return max(span.start.date(), settings.history_start), (span.end - timedelta(days=1)).date()
