"""State on a server, for tests: a PostgreSQL of their own, empty for each test."""

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from winbc_pipeline.staging.server import address, instances, lease
from winbc_pipeline.staging.store import Store

from .sandboxes import REPOSITORY

_spec = importlib.util.spec_from_file_location("postgres_script", REPOSITORY / "scripts" / "postgres.py")
assert _spec and _spec.loader
_script = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_script)
Server, running, owned_folder = _script.Server, _script.running, _script.owned_folder


@contextmanager
def state_on(server: "Server", monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("WINBC_STATE__DATABASE", server.address)
    monkeypatch.setitem(Store.__init__.__kwdefaults__, "server", server.address)
    yield
    instances.forget_all()
    empty(server)


def begin_anew() -> None:
    """Empties the server that databases are on now, if they are on one: a story has nothing of the one before."""
    if place := (Store.__init__.__kwdefaults__ or {})["server"]:
        instances.forget_all()
        _empty(place, dagster=False)


def empty(server: "Server", dagster: bool = True) -> None:
    """Deletes all that the tests have put into a server; if wanted, also Dagster's own tables."""
    _empty(server.address, dagster)


def _empty(place: str, dagster: bool) -> None:
    lease._told.clear()  # the numbers of leases begin again
    with address.asked(place) as cursor:
        cursor.execute("SELECT nspname FROM pg_namespace WHERE nspname ~ '[.~]' OR nspname = 'winbc'")
        names = [name for (name,) in cursor.fetchall() if dagster or not name.startswith("dagster~")]
        for name in names:
            cursor.execute(f'DROP SCHEMA "{name}" CASCADE')
            address.forget_schema(place, name)
