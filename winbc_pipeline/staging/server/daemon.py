"""Dagster's own tables on the server, as far as others than Dagster ask them: does its daemon live?

With files, the daemon is a process of this machine, and a lock says whether it lives (cli/setup/served.py).
"""

from datetime import UTC, datetime

from .address import asked, has_schema


def dagster_schema(connection: str) -> str:
    """The schema of Dagster's own tables. No schema of a connection's state has such a name (`schema_of`)."""
    return f"dagster~{connection}"


def heard_at(address: str, connection: str) -> datetime | None:
    """When Dagster's daemon said last that it lives; None when it never did.

    One moment is enough for all its parts: it ends by itself when one of them is silent.
    Raises: StateUnavailable when the server does not answer.
    """
    schema = dagster_schema(connection)
    if not has_schema(address, schema):
        return None
    with asked(address) as cursor:
        cursor.execute("SELECT to_regclass(%s)", [f'"{schema}".daemon_heartbeats'])
        if cursor.fetchone() == (None,):
            return None
        cursor.execute(f'SELECT max(timestamp) FROM "{schema}".daemon_heartbeats')
        (found,) = cursor.fetchone()
    return found.replace(tzinfo=UTC) if found else None
