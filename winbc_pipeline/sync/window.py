"""Windows of time: which one holds a day, and its name. In Dagster they are partitions (orchestration/windows.py).

Staging, plan and ledger know days and no windows. The setting `window` may therefore change later.
"""

from datetime import date, timedelta

from ..settings import Settings

# Dagster's history of a window hangs on its key.
KEYS = {"day": "%Y-%m-%d", "week": "%Y-%m-%d", "month": "%Y-%m"}


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
