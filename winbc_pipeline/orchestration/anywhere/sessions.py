"""Who is at work, as the PostgreSQL server knows it: its sessions end with the process, or with its network.

Here belongs: the lock of a run, which its process holds for as long as it executes the run, and the sessions of
workers, whose names say how many runs they take at once.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ...staging.server.address import asked, watched

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Session

RUN, WORKER = "winbc run", "winbc worker"  # how the names of sessions begin
_HELD = """
    SELECT EXISTS (
        SELECT 1 FROM pg_locks
        WHERE locktype = 'advisory' AND granted AND objsubid = 1
        AND ((classid::bigint << 32) | objid::bigint) = hashtextextended(%s, 0)
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    )"""


@contextmanager
def executing(address: str, connection: str, run_id: str) -> Iterator[bool]:
    """Holds the lock of a run until the block ends; yields whether it is this process's. A second process never waits.

    Args:
        connection: whose run it is. The session's name says it.
    """
    session = watched(address, f"{RUN} {connection}")
    try:
        with session.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", [_lock(run_id)])
            yield cursor.fetchone() == (True,)
    finally:
        session.close()  # the lock ends with it


def is_executing(address: str, run_id: str) -> bool:
    """Whether some process holds the lock of a run. Raises StateUnavailable when the server does not answer."""
    with asked(address) as cursor:
        cursor.execute(_HELD, [_lock(run_id)])
        return bool(cursor.fetchone()[0])


def registered(address: str, version: str, slots: int) -> "Session":
    """A session that says: this worker takes so many runs at once, with this version of the program."""
    return watched(address, f"{_workers(version)} {slots}")


def most_runs(address: str, version: str, connection: str) -> int:
    """How many runs a connection may have now: its own ones, and as many as workers of a version could begin.

    Workers may serve other connections, too, so their runs take places. Raises StateUnavailable.
    """
    with asked(address) as cursor:
        cursor.execute(
            """
            SELECT
                coalesce(sum(split_part(name, ' ', 4)::int) FILTER (WHERE starts_with(name, %s)), 0),
                count(*) FILTER (WHERE starts_with(name, %s)),
                count(*) FILTER (WHERE name = %s)
            FROM (SELECT application_name AS name FROM pg_stat_activity WHERE datname = current_database()) AS session
            """,
            [f"{_workers(version)} ", f"{RUN} ", f"{RUN} {connection}"],
        )
        slots, all_runs, own_runs = cursor.fetchone()
    return max(int(slots) - int(all_runs), 0) + int(own_runs)


def _lock(run_id: str) -> str:
    return f"{RUN} {run_id}"


def _workers(version: str) -> str:
    return f"{WORKER} {version[:12]}"
