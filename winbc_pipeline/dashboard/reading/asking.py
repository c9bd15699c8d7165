"""Asks the published files. The process keeps one DuckDB for it: making one takes longer than most questions."""

from collections.abc import Callable
from contextlib import ExitStack
from functools import cache
from typing import TypeVar

import duckdb

from ...staging.published.outcomes import opened

TRIES = 3
T = TypeVar("T")
_open = ExitStack()


def reading(ask: Callable[[duckdb.DuckDBPyConnection], T]) -> T:
    """Asks the published files. A file that went meanwhile is no error: its rows are in another one."""
    for attempt in range(TRIES):
        try:
            with _database().cursor() as connection:
                connection.execute("SET TimeZone = 'UTC'")
                return ask(connection)
        except duckdb.IOException:
            if attempt == TRIES - 1:
                raise
    raise AssertionError("unreachable")


@cache
def _database() -> duckdb.DuckDBPyConnection:
    return _open.enter_context(opened())
