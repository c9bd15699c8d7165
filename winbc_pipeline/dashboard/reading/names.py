"""Which files of outcomes have a text in a key or number, so that a search reads only these.

Here belongs: the keys and numbers of a file, kept in memory: some 24 MB for a million outcomes.
"""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from ...staging.published import files
from ...staging.published.outcomes import OUTCOME, rows_in
from .asking import reading

KEPT = 40  # files: of each week that is kept, of each day of this one, and some of today


def having(paths: Sequence[Path], text: str) -> list[Path]:
    """The files that may have a text in a key or number; all of them for no text. Capitals do not matter.

    Files of runs are small, and may be replaced: they are read in any case.
    """
    if not text:
        return [*paths]
    sought = reading(lambda connection: connection.execute("SELECT lower(?)", [text]).fetchall())[0][0].encode()
    return [path for path in paths if files.is_of_run(path) or sought in _names(path)]


@lru_cache(maxsize=KEPT)
def _names(path: Path) -> bytes:
    """All keys and numbers of a file, as they are sought. What was put together stays as it is."""
    sql = f"SELECT string_agg(DISTINCT sought, chr(10)) FROM {rows_in([path])} WHERE {OUTCOME}"
    found = reading(lambda connection: connection.execute(sql).fetchall())
    return (found[0][0] or "").encode()
