"""Both sandboxes in this process, without sockets, and one clock that only the test moves.

Here belongs: what makes a sync take milliseconds and every run of a test the same.
What a test does: order_sandboxes.py.
"""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import duckdb
import httpx
from starlette.applications import Starlette

from winbc_pipeline.flows import variants
from winbc_pipeline.staging import ledger, schema
from winbc_pipeline.staging import store as stores
from winbc_pipeline.staging.load import StagingTable
from winbc_pipeline.staging.load import create as create_staging
from winbc_pipeline.staging.people.installation_key import key_in, keyed_sql
from winbc_pipeline.staging.store import Store, renew_table
from winbc_pipeline.sync import map as mapping
from winbc_pipeline.sync import run, session, watermark
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.sync.documents import candidates
from winbc_pipeline.sync.records import candidates as records_candidates
from winbc_pipeline.systems import transport
from winbc_pipeline.systems.transport import Transport
from winbc_pipeline.systems.winstore import load_profile
from winbc_pipeline.workbench import missing_rows, preview
from winbc_pipeline.workbench.reconcile import repair, whole

from . import mapped_before
from .kept_open import COMPARISON

MAKE_LEDGER, CONNECT, DEFINE_KEYED = ledger.create, Store._connect, Store._define_keyed

START = datetime(2026, 3, 10, 10, tzinfo=UTC)
# Of all connections to a database in memory. It has a handful of rows, so that planning takes most of the time.
IN_UTC_UNPLANNED = """
    SET GLOBAL TimeZone = 'UTC';
    SET VARIABLE planning = (SELECT string_agg(name) FROM duckdb_optimizers());
    SET GLOBAL disabled_optimizers = getvariable('planning')"""


class Killed(BaseException):
    """The process died here: nothing of the program catches it, and only what was committed is left."""


class Loop(asyncio.SelectorEventLoop):
    """An event loop by the test's clock: what a sandbox does later is done when the test's time has come."""

    seconds = 0.0

    def time(self) -> float:
        return self.seconds


class Wire(httpx.BaseTransport):
    """Calls of a client, answered by ASGI applications: by port, one at a time, in the thread that asks."""

    def __init__(self, apps: dict[int, Starlette]) -> None:
        self.apps, self.loop, self.lock = apps, Loop(), threading.RLock()
        self.meanwhile: dict[str, Callable[[], object]] = {}  # once, after a call with this text in its address
        self.rewrite: Callable[[str, bytes], bytes] | None = None  # what becomes of an answer, by its address

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        with self.lock:
            answer = self.loop.run_until_complete(self._answer(request))
            for text in [each for each in self.meanwhile if each in str(request.url)]:
                self.meanwhile.pop(text)()
            return answer

    def wait(self, seconds: float, tick: Callable[[], None]) -> None:
        """Lets time pass by quarters of a minute; what falls due runs then."""
        with self.lock:
            ends = self.loop.seconds + seconds
            while self.loop.seconds < ends:
                idle = asyncio.all_tasks(self.loop) == set()
                self.loop.seconds = ends if idle else min(ends, self.loop.seconds + 15)
                tick()
                for _ in range(0 if idle else 5):
                    self.loop.run_until_complete(asyncio.sleep(0))

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        content, answer, cut = request.read(), SimpleNamespace(status=0, headers=[], body=b""), asyncio.Event()
        asked = [{"type": "http.request", "body": content, "more_body": False}]

        async def receive() -> Any:
            if asked:
                return asked.pop()
            await cut.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                answer.status, answer.headers = message["status"], message["headers"]
            else:
                answer.body += message.get("body", b"")

        await self.apps[request.url.port or 80](_scope(request, cut.set), receive, send)
        if cut.is_set():
            raise httpx.RemoteProtocolError("the connection was cut")
        body = self.rewrite(str(request.url), answer.body) if self.rewrite else answer.body
        return httpx.Response(answer.status, headers=answer.headers, content=body)

    def close(self) -> None:
        """Clients come and go; the sandboxes stay."""


def _scope(request: httpx.Request, cut: Callable[[], None]) -> dict[str, Any]:
    path, _, query = request.url.raw_path.partition(b"?")
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": "http",
        "path": request.url.path,
        "raw_path": path,
        "query_string": query,
        "root_path": "",
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
        "client": ("127.0.0.1", 1),
        "server": (request.url.host, request.url.port),
        "state": {"cut": cut},
    }


class Memory:
    """Databases in memory instead of files: transactions count or do not, as on disk; nothing is ever reopened.

    The database of a comparison stays a file: it is made of another one, and deleted in the end.
    """

    def __init__(self) -> None:
        self.databases: dict[Path, duckdb.DuckDBPyConnection] = {}
        self.made: set[str] = set()
        self.looks = 0
        self.looked_at: set[tuple[Path, object]] = set()
        self.files: dict[int, duckdb.DuckDBPyConnection] = {}  # connections to files, by their identity
        self.keys: dict[Path, str] = {}  # by which `keyed` is defined

    def connect(self, store: Store, wait_s: float) -> duckdb.DuckDBPyConnection:
        if store.path.name.startswith(COMPARISON):
            opened = CONNECT(store, wait_s, True)
            opened.execute("PRAGMA disable_optimizer")  # a handful of rows: planning is all
            self.files[id(opened)] = opened
            return opened
        if store.path not in self.databases:
            store.path.parent.mkdir(parents=True, exist_ok=True)
            store.path.touch()  # the program asks whether another flow has a database yet
            self.databases[store.path] = duckdb.connect(":memory:", config={"threads": 1})
            self.databases[store.path].execute(IN_UTC_UNPLANNED)
            schema.bring_up_to_date(self.databases[store.path], store.path)
            MAKE_LEDGER(self.databases[store.path])
        return self.databases[store.path].cursor()

    def define_keyed(self, store: Store, connection: duckdb.DuckDBPyConnection) -> None:
        """The function is the database's own, and not defined anew by each connection."""
        if store.key_folder is None or id(connection) in self.files:
            DEFINE_KEYED(store, connection)
        elif self.keys.get(store.path) != (key := key_in(store.key_folder)):
            connection.execute(f"CREATE OR REPLACE MACRO keyed(text) AS {keyed_sql(key, 'text')}")
            self.keys[store.path] = key

    def once_open(self, path: Path, name: object, look: Callable[[], None]) -> None:
        """A database in memory stays open, and nobody else can change it."""
        if (path, name) not in self.looked_at:
            look()
        if path in self.databases:
            self.looked_at.add((path, name))

    def signature(self, _: Path) -> Any:
        """A database in memory may have changed since the last look: its file does not tell."""
        self.looks += 1
        return self.looks

    def renew(self, connection: duckdb.DuckDBPyConnection, table: str, columns: Any) -> None:
        """Tables of the program's own keep their shape."""
        if id(connection) in self.files:
            renew_table(connection, table, columns)
        elif table not in self.made:
            renew_table(connection, table, columns)
            self.made.add(table)

    def create_staging(self, connection: duckdb.DuckDBPyConnection, table: StagingTable) -> None:
        if id(connection) in self.files:
            create_staging(connection, table)
        elif table.name not in self.made:
            create_staging(connection, table)
            self.made.add(table.name)

    def create_ledger(self, connection: duckdb.DuckDBPyConnection) -> None:
        """A ledger is made with its database, not by each of a hundred statements."""
        if id(connection) in self.files:
            MAKE_LEDGER(connection)

    def close(self) -> None:
        for database in self.databases.values():
            database.close()


@contextmanager
def in_process(
    wire: Wire, now: Callable[[], datetime], sleep: Callable[[float], None], on_disk: bool = False
) -> Iterator[None]:
    """The program's calls, databases, clock and death are the test's until the block ends.

    Args:
        on_disk: the databases stay files, as in production.
    """
    made = Transport.__init__
    memory = Memory()
    door = SimpleNamespace(**vars(httpx) | {"Client": lambda **given: httpx.Client(**given | {"transport": wire})})

    def connected(self: Transport, name: str, url: str, authorise: Any, limits: Any = None) -> None:
        made(self, name, url, authorise, limits, sleep=sleep, clock=lambda: wire.loop.seconds)

    def die(*_: int) -> None:
        raise Killed

    with ExitStack() as stack:
        stack.callback(memory.close)
        calls = ((transport, "httpx", door), (transport.Transport, "__init__", connected))
        databases = (
            (Store, "_connect", lambda store, wait_s, _: memory.connect(store, wait_s)),
            (Store, "_define_keyed", lambda store, connection: memory.define_keyed(store, connection)),
            # would lock the database that stays open
            *((place, "lock_down", lambda _: None) for place in (mapping, missing_rows, preview, variants)),
            (stores, "once_open", memory.once_open),
            (stores, "look_s", lambda: None),  # there is no file to be read only
            (session, "signature", memory.signature),
            (ledger, "create", memory.create_ledger),
            *((place, "renew_table", memory.renew) for place in (records_candidates, mapping, candidates)),
            *(
                (place, "create_staging", memory.create_staging)
                for place in (records_candidates, mapping, candidates, watermark)
            ),
            *((place, "map_windows", mapped_before.map_windows) for place in (run, whole, repair)),
        )
        on_disk = on_disk or bool(Store(Path()).server)  # with `--state postgres` on the server
        for target, name, replacement in calls if on_disk else (*calls, *databases):
            stack.enter_context(patch.object(target, name, replacement))
        stack.enter_context(patch("winbc_pipeline.clock.now", now))
        stack.enter_context(patch("winbc_pipeline.sync.crash_points.os", SimpleNamespace(kill=die, getpid=lambda: 0)))
        yield


@contextmanager
def read_once(*folders: Path) -> Iterator[None]:
    """The shipped profile, and folders of tables that never change, are read once; so the tables are compiled once."""
    version_of, shipped, known = ConnectedFlow.mapping_version, load_profile(None), dict[tuple[str, Path], str]()

    def version(connected: ConnectedFlow) -> str:
        folder = connected.settings.mapping_folder
        if folder not in folders or connected.settings.mapping_functions:
            return version_of(connected)
        name = (connected.flow.id, folder)
        known[name] = known.get(name) or version_of(connected)
        return known[name]

    with ExitStack() as stack:
        stack.enter_context(patch.object(ConnectedFlow, "mapping_version", version))
        for place in ("sync.connected", "systems.fields", "systems.winstore.client"):
            name = f"winbc_pipeline.{place}.load_profile"
            stack.enter_context(patch(name, lambda path: load_profile(path) if path else shipped))
        yield
