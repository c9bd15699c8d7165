"""Where published files are, and how they are written so that nobody reads half of one.

Here belongs: names and folders. What is in the files of outcomes: outcomes.py. Who publishes: health/publishing/.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson

from ...settings import Settings
from ..store import writing

PARQUET = ".parquet"


def folder(settings: Settings) -> Path:
    """The folder of all that a connection publishes. It may be deleted: the next runs make it anew."""
    return settings.state_folder / "published"


def outcomes_folder(settings: Settings) -> Path:
    """The folder of the outcomes: files of runs, and files that were made of several of these (compaction.py).

    All have the columns of outcomes.MOVE. Other columns need a folder of another name: DuckDB reads files of one shape
    in half the time.
    """
    return folder(settings) / "outcomes"


def run_file(settings: Settings, day: date, flow: str, place: str) -> Path:
    """The file of what one run did on a day.

    Args:
        day: of all its rows (UTC).
        place: from where in the flow's ledger its rows are. The same place again replaces the file.
    """
    return outcomes_folder(settings) / f"{day:%Y%m%d}.{flow}.{place}{PARQUET}"


def made_file(settings: Settings, first: date, last: date) -> Path:
    """A new file, for what several files of some days have."""
    return outcomes_folder(settings) / f"{first:%Y%m%d}-{last:%Y%m%d}.{uuid4().hex}{PARQUET}"


def is_of_run(path: Path) -> bool:
    """Whether a file of outcomes is that of a run, and not made of several files."""
    return "-" not in path.name.partition(".")[0]


def is_unfinished(settings: Settings, path: Path) -> bool:
    """Whether the status of a run's flow does not know its file yet: the run is at work or was killed, and the next
    one writes a file of that name with the same rows and more.
    """
    _, flow, place, *_ = path.name.split(".")
    published: dict[str, Any] = read(status_file(settings, flow)).get("published") or {}
    return published.get("name") == place


def outcome_files(settings: Settings, first: date | None = None, last: date | None = None) -> list[Path]:
    """The files of outcomes, the oldest day first.

    Args:
        first, last: only files with these days or days between them; None for no limit.
    """
    try:
        found = sorted(outcomes_folder(settings).glob(f"*{PARQUET}"))
    except OSError:
        return []
    days = ((path, *days_of(path)) for path in found)
    return [path for path, begins, ends in days if (not first or ends >= first) and (not last or begins <= last)]


def days_of(path: Path) -> tuple[date, date]:
    """The first and the last day (UTC) of which a file of outcomes may have rows."""
    first, _, last = path.name.partition(".")[0].partition("-")
    return date.fromisoformat(first), date.fromisoformat(last or first)


def status_file(settings: Settings, flow: str) -> Path:
    """The file that says how a flow was after its last run."""
    return folder(settings) / f"{flow}.json"


def progress_file(settings: Settings, flow: str) -> Path:
    """The file that says how far a run of a flow is. It is there while one is at work."""
    return folder(settings) / f"{flow}.running"


def alerts_file(settings: Settings) -> Path:
    """The file that says which runs failed, and which channels of alerts take no messages."""
    return folder(settings) / "alerts.json"


def volume_file(settings: Settings) -> Path:
    """The file that says of which flows few records came."""
    return folder(settings) / "volume.json"


def tables_file(settings: Settings, flow: str, version: str) -> Path:
    """The file of the rows that a flow's mapping tables had in a version."""
    return folder(settings) / "tables" / f"{flow}.{version}.json"


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A file to be written in the block, which then takes the place of the one before at once."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    half = path.with_name(f"{path.name}.{os.getpid()}.half")
    half.touch(mode=0o600)
    try:
        yield half
        half.replace(path)
    finally:
        half.unlink(missing_ok=True)


def write(path: Path, content: Any) -> None:
    """Puts a JSON file in the place of the one before, readable by its owner only.

    Raises: NotWritable.
    """
    with writing(path), replacing(path) as half:
        half.write_bytes(orjson.dumps(content, default=list, option=orjson.OPT_NON_STR_KEYS))


def read(path: Path) -> dict[str, Any]:
    """The content of a JSON file; empty when there is none."""
    try:
        content: dict[str, Any] = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return {}
    return content
