"""A person in Dagster's storage: runs whose events or printed lines quote the person. By design there are none.

Here belongs: Dagster's own databases and files in the folder of a connection. A run that quotes a person is deleted
whole, because Dagster has no way to change an event. Concept page: Instance API.
"""

import sqlite3
from collections.abc import Collection, Iterator
from contextlib import closing
from pathlib import Path

from filelock import FileLock, Timeout

from ...errors import NotDone
from ..failed_runs import named

CONFIGURATION = "dagster.yaml"
SERVED = "served.lock"  # held by what serves the folder (cli/dagster_home.py)


def quoting(home: Path, values: Collection[str]) -> dict[Path, int]:
    """The files of Dagster that hold one of some texts, in any letter case, with how many of the texts they hold."""
    wanted = [value.lower().encode() for value in values]
    found = {}
    for path in sorted(home.rglob("*")) if wanted else []:
        if path.is_file() and not path.is_symlink():
            content = path.read_bytes().lower()
            if count := sum(value in content for value in wanted):
                found[path] = count
    return found


def erase(home: Path, values: Collection[str]) -> int:
    """Deletes the runs that quote one of some texts, with what they printed; returns how many files are clean now.

    The caller knows that no run goes on. Raises: NotDone while Dagster is served: it has its databases open.
    """
    from dagster import DagsterInstance

    files = {_whole(path) for path in quoting(home, values) if path.name != CONFIGURATION}
    if not files:
        return 0
    _check_at_rest(home)
    if (home / CONFIGURATION).exists():
        with named(home), DagsterInstance.from_config(str(home)) as instance:
            for run_id in _runs(files, [run.run_id for run in instance.get_runs()]):
                instance.delete_run(run_id)
                instance.compute_log_manager.delete_logs(prefix=[run_id])
    for path in sorted(files):
        _clean(path, values)
    return len(files)


def _check_at_rest(home: Path) -> None:
    lock = FileLock(str(home / SERVED), timeout=0)
    try:
        lock.acquire()
    except Timeout:
        words = "Dagster's storage quotes the person, and is in use by `winbc up`, `winbc ui` or `winbc demo`."
        raise NotDone(words, "End it (`winbc down`) and erase again: what is done stays done.") from None
    lock.release()


def _whole(path: Path) -> Path:
    """The database of a file that SQLite keeps beside it. Without its log, a database in use would be damaged."""
    return path.with_name(path.name.removesuffix("-wal").removesuffix("-shm"))


def _runs(files: Collection[Path], known: Collection[str]) -> list[str]:
    """The runs to which files belong: the id of a run is the name of a file, or of a folder above it."""
    names = {part.partition(".")[0] for path in files for part in path.parts}
    return sorted(names.intersection(known))


def _clean(path: Path, values: Collection[str]) -> None:
    """What is left of a file: a database loses the rows that quote, and the room of deleted ones; a log goes."""
    if not path.exists():
        return
    if path.suffix not in (".db", ".sqlite"):
        path.unlink()
        return
    with closing(sqlite3.connect(path)) as database:
        for table, column in _texts(database):
            for value in values:
                database.execute(f'DELETE FROM "{table}" WHERE instr(lower("{column}"), ?)', [value.lower()])
        database.commit()
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        database.execute("VACUUM")


def _texts(database: sqlite3.Connection) -> Iterator[tuple[str, str]]:
    tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    for (table,) in tables:
        for _, column, kind, *_ in database.execute(f'PRAGMA table_info("{table}")').fetchall():
            if "CHAR" in kind.upper() or "TEXT" in kind.upper():
                yield table, column
