"""Windows as Dagster's partitions: a day, a week or a month (UTC) of the source's modification moments.

Here belongs: windows as Dagster knows them. Which window holds a day, and its key: sync/window.py.
Concept page: Partitions and backfills.
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
from ..sync.window import KEYS
from ..sync.window import partition_key as partition_key
from ..sync.window import window_of as window_of

MONDAY = 1  # as Dagster counts days of the week
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


def range_tags(first: date, last: date, settings: Settings) -> dict[str, str]:
    """The tags of one run over all windows between two days, both included."""
    return {RANGE_START: partition_key(first, settings), RANGE_END: partition_key(last, settings)}


def days_of(context: AssetExecutionContext, settings: Settings) -> tuple[date, date]:
    """First and last day of this run's windows. The first day is never before the start of history."""
    span = context.partition_time_window
    return max(span.start.date(), settings.history_start), (span.end - timedelta(days=1)).date()
