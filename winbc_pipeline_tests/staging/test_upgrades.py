"""Row 89: databases that earlier versions wrote are opened without a loss, and those of later versions are refused.

`upgrades/` holds what these versions left behind, made by running their own code (scripts/make_state_fixtures.py), with
both sandboxes as they were afterwards.
"""

import hashlib
import json
import os
import signal
import tarfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import httpx
import pytest

from winbc_pipeline.errors import StoreDamaged
from winbc_pipeline.flows import FLOWS
from winbc_pipeline.sandbox.retail import write_folder
from winbc_pipeline.sandbox.server import serve
from winbc_pipeline.settings import Settings
from winbc_pipeline.staging import ledger, schema
from winbc_pipeline.staging.ledger_tables import OWN_TABLES
from winbc_pipeline.staging.people.installation_key import key_in, keyed
from winbc_pipeline.staging.store import Store, rows_of
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.sync.run import sync
from winbc_pipeline.sync.work import Work
from winbc_pipeline.systems.business_central.client import dumps

from ..support.forked import FORKS, signal_of
from ..support.sandboxes import ARTICLE, CUSTOMER, FIRST, LAST, LINE, ORDER, REPOSITORY

pytestmark = pytest.mark.files

Rows = dict[str, list[dict[str, Any]]]
FIXTURES = sorted((Path(__file__).parents[1] / "upgrades").glob("*.tar.xz"))
VERSIONS = [path.name.partition(".")[0] for path in FIXTURES]
LASTING = ("ledger", "ledger_event", "sent_payload", "watermark", "binding", "pair")  # what no run can make again
EDITED = {"quantity": "3"}
LINES = [LINE | EDITED, LINE | EDITED | {"order_number": "W4"}]
SHAPES = {3: "4c6dbd44117d"}
"""By version, the hash of the ledger's own tables. Others need a new `schema.VERSION`, with a fixture of the old."""


@pytest.fixture(params=FIXTURES, ids=VERSIONS)
def earlier(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A folder with the databases of an earlier version, and with both sandboxes."""
    with tarfile.open(request.param) as kept:
        kept.extractall(tmp_path, filter="data")
    return tmp_path


def databases(folder: Path) -> list[Path]:
    return sorted((folder / "default").glob("*.duckdb"))


def version_in(path: Path) -> int:
    with duckdb.connect(str(path), read_only=True) as connection:
        return schema.version_of(connection)


def lasting(path: Path) -> Rows:
    """The rows of the lasting tables, without the program."""
    with duckdb.connect(str(path), read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        there = {name for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
        return {name: rows_of(connection, f"FROM {name} ORDER BY ALL") for name in LASTING if name in there}


def with_keyed(rows: Rows, key: str) -> Rows:
    """The rows of a version before 3 as later ones have them: with a keyed hash in the place of each plain one."""

    def of_hash(name: str, text: str) -> str:
        return text if name.endswith(" sequence") else keyed(key, text)[:12]

    def of_row(row: dict[str, Any]) -> dict[str, Any]:
        hashes = json.loads(row.get("field_hashes") or "{}")
        if hashes:
            row = row | {"field_hashes": dumps({name: of_hash(name, text) for name, text in hashes.items()}).decode()}
        if str(row.get("key")).startswith("guest "):
            row = row | {"key": f"guest {keyed(key, row['key'].removeprefix('guest '))[:12]}"}
        return row

    return {table: [of_row(row) for row in each] for table, each in rows.items()}


def test_all_that_an_earlier_version_knew_is_there(earlier: Path) -> None:
    for path in databases(earlier):
        before = lasting(path)
        there = version_in(path)
        with Store(path).open():
            pass
        after = lasting(path)
        for table, rows in with_keyed(before, key_in(path.parent)).items():
            known = [{name: row[name] for name in rows[0]} for row in after[table]] if rows else after[table]
            assert sorted(map(str, known)) == sorted(map(str, rows)), f"{path.name}: {table}"
        kept = schema.kept_path(path, there)
        assert lasting(kept) == before, "the copy from before the upgrade"
        assert kept.stat().st_mode & 0o777 == 0o600
        with Store(path).open() as connection:
            assert schema.version_of(connection) == schema.VERSION


@pytest.mark.proof
def test_nothing_that_an_earlier_version_sent_is_sent_again(earlier: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    had_orders = (earlier / "default" / "orders_winstore_to_bc.duckdb").exists()
    with served(earlier, monkeypatch) as (settings, written):
        run_all(settings)
        first = written()
        run_all(settings)
        assert written() == first, "the second run writes nothing"
    expected = {} if had_orders else {"salesOrders": 2, "salesOrderLines": 4}  # the first versions sent no orders
    made = Counter(each["entity"] for each in first if each["method"] == "POST")
    assert made == expected


@pytest.mark.proof
def test_an_edit_after_the_upgrade_is_told_as_what_it_is_and_nothing_else_looks_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hashes of what was sent became keyed without the values, also those of a guest's order."""
    with tarfile.open(FIXTURES[VERSIONS.index("f696665")]) as kept:
        kept.extractall(tmp_path, filter="data")
    with served(tmp_path, monkeypatch) as (settings, written):
        again = {"modified_at": "2026-04-01T10:00:00.000Z"}
        of_guest = {"customer_id": "", "email": "guest@mail.example", "order_number": "W4"}
        rows = {"customers": [CUSTOMER | {"phone": ""}], "articles": [ARTICLE], "order_lines": LINES}
        write_folder(tmp_path / "again", rows | {"orders": [ORDER | again, ORDER | of_guest | again]})
        control = os.environ["WINSTORE_CONTROL"]
        httpx.post(f"{control}/__seed", json={"folder": str(tmp_path / "again")}, timeout=60).raise_for_status()
        run_all(settings)
        assert written() == []
        orders = Store(settings.flow_database("orders_winstore_to_bc"))
        done = {row["key"]: (row["state"], row["message"]) for row in ledger.read(orders, "part = 'order'")}
    assert done["W1"] == done["W4"] == ("CONFLICT", "edited after it was sent: line 1 quantity")


@contextmanager
def served(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Settings, Callable[[], list[Any]]]]:
    """The settings of a connection with the sandboxes of a folder, and what Business Central took since then."""
    with serve(folder) as addresses:
        for name, value in addresses.environment().items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("WINSTORE_CONTROL", addresses.winstore_control)

        def writes() -> list[Any]:
            return httpx.get(f"{addresses.bc_control}/__state", timeout=60).json()["writes"]

        before = len(writes())
        tables = REPOSITORY / "mapping_tables"
        settings = Settings(data_folder=folder, mapping_folder=tables, history_start=FIRST)
        yield settings, lambda: writes()[before:]


def run_all(settings: Settings) -> None:
    """A run of each flow from Winstore to Business Central that the fixtures were made with."""
    for flow in FLOWS:
        if (flow.source, flow.target) == ("winstore", "bc") and flow.name != "stock":
            sync(Work(ConnectedFlow(flow, settings), FIRST, LAST, "after the upgrade"))


def a_database(folder: Path) -> Path:
    """A database of the present version whose ledger has a record."""
    path = folder / "flow.duckdb"
    ledger.move(Store(path), [ledger.Move("order", "W1", ledger.State.FAILED)], "run")
    return path


def test_a_later_version_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = a_database(tmp_path)
    with duckdb.connect(str(path)) as connection:
        connection.execute(f"UPDATE {schema.TABLE} SET version = version + 1, program = '9.0'")
    before = path.read_bytes()
    with pytest.raises(StoreDamaged, match=r"winbc 9\.0 has written it.*Install that version again"):
        ledger.read(Store(path))
    assert path.read_bytes() == before


def test_a_new_database_has_the_present_version_and_no_copy(tmp_path: Path) -> None:
    with Store(a_database(tmp_path)).open() as connection:
        assert schema.version_of(connection) == schema.VERSION
    assert not (tmp_path / schema.KEPT).exists()


@pytest.mark.proof
@pytest.mark.parametrize("dies_at", ["copy_into", "_upgrade", "make_anew", "program"])
def test_a_killed_upgrade_begins_again(tmp_path: Path, dies_at: str) -> None:
    with tarfile.open(FIXTURES[VERSIONS.index("96eac46")]) as kept:
        kept.extractall(tmp_path, filter="data")
    path = databases(tmp_path)[0]
    before = lasting(path)
    process = FORKS.Process(target=_dies, args=(path, dies_at))
    process.start()
    assert signal_of(process) == signal.SIGKILL
    assert not [row for row in before["ledger"] if row["key"].startswith("guest ")]
    known = [(row["part"], row["key"], row["hash"]) for row in ledger.read(Store(path))]
    assert known == sorted((row["part"], row["key"], row["hash"]) for row in before["ledger"])
    assert lasting(schema.kept_path(path, 1)) == before


def _dies(path: Path, dies_at: str) -> None:
    """An upgrade that is killed before a step."""
    setattr(schema, dies_at, lambda *_: os.kill(os.getpid(), signal.SIGKILL))
    with Store(path).open():
        pass


def test_another_shape_of_the_ledger_is_another_version() -> None:
    """Who changes the ledger's tables raises `schema.VERSION`, adds its step, and makes a fixture of the one before."""
    assert SHAPES[schema.VERSION] == hashlib.sha256("; ".join(OWN_TABLES.values()).encode()).hexdigest()[:12]
