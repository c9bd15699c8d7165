"""What a published outcome is: what one run did to one record, and what the record's story needs.

Here belongs: the columns, and opening the files. No column holds a value of a person (health/publishing/masking.py).
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import duckdb

from ..store import literal

OUTCOME: Mapping[str, str] = {
    "flow": "VARCHAR",
    "part": "VARCHAR",
    "is_main": "BOOLEAN",  # whether people mean it when they speak of the flow's records
    "key": "VARCHAR",
    "target_no": "VARCHAR",
    "state": "VARCHAR",
    "action": "VARCHAR",
    "reason": "VARCHAR",
    "message": "VARCHAR",
    "window": "DATE",
    "moment": "TIMESTAMPTZ",  # of the last move
    "run_id": "VARCHAR",
    "amount": "DECIMAL(18, 5)",  # total of a document, in its currency
    "currency": "VARCHAR",
    "difference": "DECIMAL(18, 5)",
}
STORY: Mapping[str, str] = {
    "mapping_version": "VARCHAR",
    "steps": "STRUCT(moment TIMESTAMPTZ, from_state VARCHAR, state VARCHAR, reason VARCHAR, attempt_id VARCHAR)[]",
    "read": "VARCHAR",  # JSON: a list of rows of the source
    "lookups": "VARCHAR",  # JSON: a list of texts
    "changes": "VARCHAR",  # JSON: a list of {field, old, new}
    "sent": "VARCHAR",  # JSON: what was sent
    "sent_fields": "VARCHAR[]",  # names of all that was sent, also of what is masked
    "sent_at": "TIMESTAMPTZ",
}
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
        yield connection


def rows_in(files: Iterable[Path]) -> str:
    """SQL of all outcomes in files; of none, where there are no files."""
    listed = ", ".join(literal(str(path)) for path in files)
    if listed:
        return f"read_parquet([{listed}], union_by_name = true)"
    typed = ", ".join(f'NULL::{kind} AS "{name}"' for name, kind in (*OUTCOME.items(), *STORY.items()))
    return f"(SELECT {typed} WHERE false)"
