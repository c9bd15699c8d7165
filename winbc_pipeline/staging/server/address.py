"""Where the state of a connection is on a server: the address, the schema of each database, and short questions.

Here belongs: the driver (psycopg2, which Dagster's own PostgreSQL storage needs too), loaded only where it is used.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ...errors import ConfigurationError, NotWritable, StateUnavailable, WinbcError
from ..people.personal import nothing

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Session

LONGEST = 63  # bytes of a name in PostgreSQL; a longer one would be cut without a word
CONNECT_S = 10
# A network that was cut is noticed by both sides after 5 + 3 * 2 = 11 seconds.
KEEPALIVE = {"keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3, "tcp_user_timeout": 11_000}
FULL = re.compile("No space left on device|could not extend file")  # what a server says whose disk is full
REFUSES = (
    ("does not support SSL", "it speaks no TLS, which `sslmode` asks for"),
    ("certificate", "its certificate is not trusted here (`sslrootcert` in `state.database`)"),
    ("password authentication failed|no password supplied", "it refuses the user or the password of `state`"),
    ("could not translate host name", "its name is not known here"),
    ("database .* does not exist", "it has no such database"),
)
"""What the driver says in English where a session does not begin, and what it means."""
LISTS = "list_column"
"""The table that says which columns hold, as JSON, lists of structures: PostgreSQL has no type for these."""
_there: set[tuple[str, str]] = set()  # schemas that were seen


def schema_of(path: Path) -> str:
    """The schema that holds what the file of a path would hold: `<connection>.<database>`.

    Raises: ConfigurationError for a name that PostgreSQL would cut.
    """
    name = f"{path.parent.name}.{path.stem}"
    if len(name.encode()) > LONGEST:
        raise ConfigurationError(f"{name} is too long for a schema of PostgreSQL.", "Shorten `connection`.")
    return name


def shown(address: str) -> str:
    """An address for people: host, port and database, without the user and the password."""
    parts = urlsplit(address)
    port = f":{parts.port}" if parts.port else ""
    return f"PostgreSQL at {parts.hostname or 'this machine'}{port}{parts.path}"


def connect(address: str, name: str = "winbc") -> "Session":
    """A session of its own, in which each statement is a transaction.

    Args:
        name: of the session, as the server shows it.
    Raises: StateUnavailable when the server does not answer, or refuses; ConfigurationError without the driver.
    """
    driver = needed_driver()
    try:
        session: Session = driver.connect(address, connect_timeout=CONNECT_S, application_name=name, **KEEPALIVE)
    except driver.Error as error:  # its text may hold the address with the password
        found = (means for said, means in REFUSES if re.search(said, str(error)))
        raise StateUnavailable(shown(address), *islice(found, 1)) from None
    session.autocommit = True
    return session


def watched(address: str, name: str = "winbc") -> "Session":
    """A session that the server, too, ends when the network was cut: what hangs on it is then free.

    Raises: as `connect`.
    """
    session = connect(address, name)
    try:
        with session.cursor() as cursor:
            for setting, value in KEEPALIVE.items():
                cursor.execute(f"SET {setting if setting.startswith('tcp_') else f'tcp_{setting}'} = {value}")
    except needed_driver().Error:
        session.close()
        raise StateUnavailable(shown(address)) from None
    return session


@contextmanager
def asked(address: str) -> Iterator[Any]:
    """A cursor for a short question, until the block ends. Raises: as `connect`, also for what happens in the block."""
    session, driver = connect(address), needed_driver()
    try:
        with session.cursor() as cursor:
            yield cursor
    except driver.OperationalError as error:
        raise failed(address, error) from None
    finally:
        session.close()


def failed(address: str, error: Exception) -> WinbcError:
    """What an error of the server means: its disk is full, or it does not answer. Its text may hold the password."""
    if FULL.search(str(error)):
        return NotWritable(shown(address), "the disk of the server is full")
    return StateUnavailable(shown(address))


def make_schema(address: str, schema: str) -> None:
    """Makes a schema where it is missing. Of two processes one makes it, and the other one waits."""
    columns = "table_name text, column_name text, kind text"
    make_plain_schema(address, schema, f'CREATE TABLE IF NOT EXISTS "{schema}".{LISTS} ({columns})')


def make_plain_schema(address: str, schema: str, first: str = "") -> None:
    """Makes a schema where it is missing, with what a statement puts into it first."""
    if (address, schema) in _there:
        return
    with asked(address) as cursor:
        cursor.execute("SELECT pg_advisory_lock(hashtextextended('winbc makes a schema', 0))")
        cursor.execute(f'CREATE SCHEMA IF NOT EXISTS "{schema}"')
        if first:
            cursor.execute(first)
    _there.add((address, schema))


def has_schema(address: str, schema: str) -> bool:
    """Whether a schema is there."""
    if (address, schema) not in _there:
        with asked(address) as cursor:
            cursor.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", [schema])
            if cursor.fetchone():
                _there.add((address, schema))
    return (address, schema) in _there


def has_tables(address: str, schema: str, names: Sequence[str]) -> bool:
    """Whether a schema has all of some tables."""
    with asked(address) as cursor:
        known = "SELECT count(*) FROM pg_tables WHERE schemaname = %s AND tablename = ANY(%s)"
        cursor.execute(known, [schema, list(names)])
        return bool(cursor.fetchone() == (len(names),))


def names_on(address: str, connection: str) -> list[str]:
    """The databases of a connection on a server, by the names that their files would have."""
    with asked(address) as cursor:
        cursor.execute("SELECT nspname FROM pg_namespace WHERE starts_with(nspname, %s) ORDER BY 1", [f"{connection}."])
        return [schema.partition(".")[2] for (schema,) in cursor.fetchall()]


def drop(address: str, schema: str) -> None:
    """Deletes a schema with all that is in it."""
    with asked(address) as cursor:
        cursor.execute(f'DROP SCHEMA IF EXISTS "{schema}" CASCADE')
    forget_schema(address, schema)


def write_anew(address: str, schema: str) -> None:
    """Writes the tables of a schema anew without what was deleted from them, which the server keeps until then."""
    with asked(address) as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s", [schema])
        for (table,) in cursor.fetchall():
            cursor.execute(f'VACUUM FULL "{schema}"."{table}"')


@lru_cache(maxsize=1)
def needed_driver() -> Any:
    """The module psycopg2; raises ConfigurationError when it is not installed."""
    try:
        import psycopg2
    except ImportError:
        raise ConfigurationError(
            "state.database needs the libraries of PostgreSQL.", "Install winbc-pipeline[postgres]."
        ) from None
    return psycopg2


def forget_schema(address: str, schema: str) -> None:
    """Forgets that a schema was seen: it may be gone."""
    _there.discard((address, schema))


PERSONAL = nothing(LISTS)
"""What these tables hold of people (staging/people/personal.py)."""
