"""What is published of a move of a record in the ledger: the outcome of a run, and what the record's story needs.

Here belongs: the columns, and opening the files. No column holds a value of a person (health/publishing/masking.py).
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import duckdb

from ..store import literal

MOVE: Mapping[str, str] = {
    "flow": "VARCHAR",
    "part": "VARCHAR",
    "is_main": "BOOLEAN",  # whether people mean it when they speak of the flow's records
    "key": "VARCHAR",
    "target_no": "VARCHAR",
    "sought": "VARCHAR",  # key and number, as they are sought: in small letters, with SEPARATOR between
    "from_state": "VARCHAR",
    "state": "VARCHAR",
    "action": "VARCHAR",
    "reason": "VARCHAR",
    "message": "VARCHAR",
    "window": "DATE",
    "moment": "TIMESTAMPTZ",
    "run_id": "VARCHAR",
    "attempt_id": "VARCHAR",
    "amount": "DECIMAL(18, 5)",  # total of a document, in its currency
    "currency": "VARCHAR",
    "difference": "DECIMAL(18, 5)",  # of a document that was made: its total less `amount`
    "mapping_version": "VARCHAR",
    # The rest is for the record's story.
    "read_fields": "VARCHAR",  # names of the fields of the source, with SEPARATOR between
    "read": "VARCHAR[]",  # for each row of the source: the values of these fields, in the same way
    "lookups": "VARCHAR",  # JSON: a list of texts
    "changes": "VARCHAR",  # JSON: a list of {field, old, new}
    "sent": "VARCHAR",  # JSON: what the call of a move to SENDING sent
}
OUTCOME = "state <> 'SENDING'"
"""SQL: the move is an outcome. The others only say that a call was about to be made."""
SEPARATOR, NOTHING = "\x1f", "\x1e"
"""Between two values in one text, and in the place of a value that is empty."""
MASKED = "•••"
"""In the place of a value of a person."""
MEMORY_MB, THREADS = 256, 2


@contextmanager
def opened(memory_mb: int = MEMORY_MB) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that reads published files, until the block ends. It has no database, and a bounded memory."""
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": f"{memory_mb}MB",
        "threads": THREADS,
        "autoload_known_extensions": False,
        "autoinstall_known_extensions": False,
    }
    with duckdb.connect(config=config) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET parquet_metadata_cache = true")  # for who asks more than once
        yield connection


def rows_in(files: Iterable[Path]) -> str:
    """SQL of all moves in files; of none, where there are no files."""
    listed = ", ".join(literal(str(path)) for path in files)
    if listed:
        return f"read_parquet([{listed}])"
    typed = ", ".join(f'NULL::{kind} AS "{name}"' for name, kind in MOVE.items())
    return f"(SELECT {typed} WHERE false)"
