"""One file with everything that cannot be made again, without a secret; and what `winbc restore` refuses. Row 90."""

import os
import shutil
import signal
import time
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import orjson
import pytest

from winbc_pipeline.errors import NotDone, StoreBusy, StoreDamaged
from winbc_pipeline.flows.orders import ORDERS_TO_BC
from winbc_pipeline.settings import Settings, load_settings
from winbc_pipeline.staging import ledger, schema
from winbc_pipeline.staging.disk import log_of
from winbc_pipeline.staging.ledger import Move, State
from winbc_pipeline.staging.pairs import Pairs
from winbc_pipeline.staging.store import Store
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.sync.keeping.comparisons import forget_left
from winbc_pipeline.sync.session import lease
from winbc_pipeline.workbench.keeping import restore as restoring
from winbc_pipeline.workbench.keeping.backup import MANIFEST, back_up
from winbc_pipeline.workbench.keeping.restore import restore
from winbc_pipeline.workbench.reconcile.scratch import begun

from ...support.forked import FORKS, signal_of

pytestmark = pytest.mark.files  # a server is backed up with its own tools
CANARY = "canary-7f3a"
OTHER = "customers_winstore_to_bc"


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A connection with the ledgers of two flows, pairs, tables and settings of its own, and secrets in .env."""
    monkeypatch.chdir(tmp_path)
    Path("winbc.toml").write_text('[bc]\ncompany = "CRONUS"\n')
    Path(".env").write_text(f"WINBC_BC__CLIENT_SECRET={CANARY}\nWINBC_WINSTORE__PASSWORD={CANARY}\n")
    Path(".env").chmod(0o600)
    shop = Path("mapping_tables") / "lookups"
    shop.mkdir(parents=True)
    (shop / "countries.csv").write_text("from,to\nNL,NL\n")
    made = load_settings()
    for flow in (ORDERS_TO_BC.id, OTHER):
        ledger.move(Store(made.flow_database(flow)), [Move("order", "W1", State.FAILED)], "run")
    Pairs(made, "customers").write([{"part": "customer", "winstore_key": "1", "bc_id": "2", "winstore": {}, "bc": {}}])
    return made


def keys(settings: Settings, flow: str = ORDERS_TO_BC.id) -> list[str]:
    return [row["key"] for row in ledger.read(Store(settings.flow_database(flow)))]


def sends(settings: Settings, key: str, flow: str = ORDERS_TO_BC.id) -> None:
    ledger.move(Store(settings.flow_database(flow)), [Move("order", key, State.FAILED)], "run")


def folder(settings: Settings) -> Path:
    return settings.data_folder / settings.connection


def test_a_backup_has_what_cannot_be_made_again_and_no_secret(settings: Settings, tmp_path: Path) -> None:
    path = back_up(settings)
    assert path.stat().st_mode & 0o777 == 0o600
    with zipfile.ZipFile(path) as backup:
        names = backup.namelist()
        backup.extractall(tmp_path / "unpacked")
    assert names == [
        f"state/{OTHER}.duckdb",
        f"state/{ORDERS_TO_BC.id}.duckdb",
        "state/pairs_customers.duckdb",
        "state/hash.key",
        "mapping_tables/lookups/countries.csv",
        "settings/winbc.toml",
        MANIFEST,
    ]
    for file in (tmp_path / "unpacked").rglob("*.*"):
        assert CANARY.encode() not in file.read_bytes(), file
    assert sorted(os.listdir(path.parent)) == [path.name], "nothing else is left there"


def test_a_comparison_is_in_no_backup_and_holds_none_up(settings: Settings) -> None:
    """Its database is open for hours, and each is made anew. Source: docs/operations.md, "Back up"."""
    with begun(ConnectedFlow(ORDERS_TO_BC, settings)) as scratch:
        with zipfile.ZipFile(back_up(settings)) as backup:
            names = backup.namelist()
        assert scratch.connected.store.path.exists()
    assert [name for name in names if "reconcile" in name] == []


def test_what_a_killed_comparison_left_goes_after_a_day_unless_it_is_in_use(settings: Settings) -> None:
    """It holds people's data. Source: docs/operations.md, "What is kept, and how long"."""
    two_days_ago = time.time() - 2 * 24 * 60 * 60
    with suppress(ZeroDivisionError), begun(ConnectedFlow(ORDERS_TO_BC, settings)) as scratch:
        left = scratch.connected.store.path
        assert forget_left(settings) == 0
        os.utime(left, (two_days_ago, two_days_ago))
        assert forget_left(settings) == 0, "it is in use"
        _ = 1 / 0
    os.utime(left, (two_days_ago, two_days_ago))
    assert (forget_left(settings), left.exists()) == (1, False)


def test_what_is_there_is_put_back_and_what_was_there_is_kept(settings: Settings) -> None:
    path = back_up(settings)
    sends(settings, "W2")
    done = restore(settings, path)
    assert keys(settings) == ["W1"]
    assert [row["key"] for row in ledger.read(Store(done.kept / f"{ORDERS_TO_BC.id}.duckdb"))] == ["W1", "W2"]
    assert Pairs(settings, "customers").read("customer", "winstore", ["1"]).keys() == {"1"}
    assert settings.flow_database(OTHER).stat().st_mode & 0o777 == 0o600
    assert not (folder(settings) / restoring.RESTORING).exists()


def test_an_empty_folder_becomes_the_connection_again(settings: Settings, tmp_path: Path) -> None:
    path = back_up(settings, tmp_path / "backup.zip")
    for gone in (settings.data_folder, Path("mapping_tables")):
        shutil.rmtree(gone)
    Path("winbc.toml").unlink()
    done = restore(settings, path)
    assert done.written == [Path("mapping_tables/lookups/countries.csv"), Path("winbc.toml")]
    assert keys(settings) == ["W1"]


def test_tables_and_settings_that_differ_stay_and_are_named(settings: Settings) -> None:
    path = back_up(settings)
    Path("winbc.toml").write_text('[bc]\ncompany = "Other"\n')
    sends(settings, "W1", "stock_winstore_to_bc")
    done = restore(settings, path)
    assert (done.differ, done.untouched) == ([Path("winbc.toml")], ["stock_winstore_to_bc.duckdb"])
    assert "Other" in Path("winbc.toml").read_text()


@pytest.mark.parametrize("log", [False, True])
def test_a_damaged_database_alone_is_put_back(settings: Settings, log: bool) -> None:
    """Rows 84 and 86: with E-DB, by the steps that docs/errors.md gives."""
    path, database = back_up(settings), settings.flow_database(ORDERS_TO_BC.id)
    sends(settings, "W2", OTHER)
    database.write_bytes(b"no database" * 1000)
    if log:
        log_of(database).write_bytes(b"no log")
    with pytest.raises(StoreDamaged):
        keys(settings)
    done = restore(settings, path, ORDERS_TO_BC.id)
    assert keys(settings) == ["W1"]
    assert keys(settings, OTHER) == ["W1", "W2"], "the other flow stays"
    assert (done.kept / database.name).read_bytes().startswith(b"no database")
    assert (done.kept / f"{database.name}.wal").exists() == log


def test_a_damaged_database_makes_no_backup(settings: Settings) -> None:
    settings.flow_database(OTHER).write_bytes(b"no database" * 1000)
    with pytest.raises(StoreDamaged):
        back_up(settings)
    assert os.listdir(folder(settings) / "backups") == []


def test_a_file_that_is_there_is_not_replaced_by_a_backup(settings: Settings) -> None:
    with pytest.raises(NotDone, match="is there already"):
        back_up(settings, Path("winbc.toml"))


def edited(path: Path, **content: object) -> Path:
    """The same backup with another manifest."""
    target = path.with_name("edited.zip")
    with zipfile.ZipFile(path) as backup, zipfile.ZipFile(target, "w") as made:
        for name in backup.namelist():
            whole = backup.read(name)
            made.writestr(name, orjson.dumps(orjson.loads(whole) | content) if name == MANIFEST else whole)
    return target


def test_a_backup_that_would_do_harm_is_refused_and_nothing_changes(settings: Settings) -> None:
    path = back_up(settings)
    sends(settings, "W2")
    garbage = path.with_name("garbage.zip")
    garbage.write_bytes(path.read_bytes()[:2000])
    cases: dict[str, Callable[[], Path]] = {
        "no whole backup": lambda: garbage,
        "is not there": lambda: path.with_name("missing.zip"),
        "this winbc .* is older": lambda: edited(path, tables=schema.VERSION + 1),
        "of the connection another": lambda: edited(path, connection="another"),
        "in the backup is damaged": lambda: edited(path, files={f"state/{OTHER}.duckdb": "0" * 64}),
    }
    for words, file in cases.items():
        with pytest.raises(NotDone, match=words):
            restore(settings, file())
        assert keys(settings) == ["W1", "W2"], words


@pytest.mark.proof
def test_nothing_is_put_back_while_a_run_goes_on(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    path = back_up(settings)
    monkeypatch.setattr(restoring, "WAIT_S", 0)
    with lease(ConnectedFlow(ORDERS_TO_BC, settings)), pytest.raises(StoreBusy, match="Another run"):
        restore(settings, path)


@pytest.mark.proof
@pytest.mark.parametrize("dies_at", ["_note", "_keep", "flushed", "rmtree"])
def test_a_killed_restore_leaves_whole_databases_and_ends_when_it_is_called_again(
    settings: Settings, dies_at: str
) -> None:
    path = back_up(settings)
    sends(settings, "W2")
    process = FORKS.Process(target=_dies, args=(Path.cwd(), path, dies_at))
    process.start()
    assert signal_of(process) == signal.SIGKILL
    assert keys(settings) in (["W1"], ["W1", "W2"])
    restore(settings, path)
    assert (keys(settings), keys(settings, OTHER)) == (["W1"], ["W1"])


def _dies(where: Path, path: Path, dies_at: str) -> None:
    """A restore that is killed when it comes to a step for the second time."""
    os.chdir(where)
    for name in [each for each in os.environ if each.startswith("WINBC_")]:
        del os.environ[name]  # of the test that started the fork server
    place = shutil if dies_at == "rmtree" else restoring
    real, times = getattr(place, dies_at), [0]

    def killed(*given: object, **named: object) -> object:
        times[0] += 1
        if times[0] == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*given, **named)

    setattr(place, dies_at, killed)
    restore(load_settings(), path)


@pytest.fixture
def shared(settings: Settings, tmp_path: Path) -> Settings:
    """The same connection, whose mapping folder builds on a shared one; both have the table of countries."""
    base = tmp_path / "shared" / "lookups"
    base.mkdir(parents=True)
    for name in ("countries", "units"):
        (base / f"{name}.csv").write_text(f"from,to\n{name},shared\n")
    with Path("winbc.toml").open("r+") as file:
        text = file.read()
        file.seek(0)
        file.write(f'mapping_base = "shared"\n{text}')
    return load_settings()


def test_where_the_shared_folder_is_lost_too_it_is_put_back(shared: Settings, tmp_path: Path) -> None:
    path = back_up(shared, tmp_path / "backup.zip")
    before = {each: each.read_bytes() for each in tmp_path.rglob("*.csv")}
    for gone in (shared.data_folder, Path("mapping_tables"), Path("shared")):
        shutil.rmtree(gone)
    Path("shared.restoring").mkdir()  # as a restoring leaves it that was killed
    restore(shared, path)
    assert {each: each.read_bytes() for each in tmp_path.rglob("*.csv")} == before


def test_a_shared_folder_that_is_there_serves_others_and_is_not_written(shared: Settings, tmp_path: Path) -> None:
    path = back_up(shared)
    Path("shared/lookups/units.csv").unlink()
    Path("shared/lookups/countries.csv").write_text("from,to\n")
    done = restore(shared, path)
    assert done.differ == [tmp_path / "shared/lookups/countries.csv", tmp_path / "shared/lookups/units.csv"]
    assert not Path("shared/lookups/units.csv").exists()


def test_where_no_setting_names_a_shared_folder_its_tables_become_the_connections_own(
    shared: Settings, tmp_path: Path
) -> None:
    """As on another machine without the file that all connections share. What was its own stays what it was."""
    path = back_up(shared, tmp_path / "backup.zip")
    shutil.rmtree("mapping_tables")
    shutil.rmtree("shared")
    done = restore(shared.model_copy(update={"mapping_base": None}), path)
    assert Path("mapping_tables/lookups/units.csv").read_text() == "from,to\nunits,shared\n"
    assert Path("mapping_tables/lookups/countries.csv").read_text() == "from,to\nNL,NL\n"
    assert done.differ == []


def test_a_backup_from_before_the_tables_were_shared_hides_no_shared_table(settings: Settings, tmp_path: Path) -> None:
    """All tables were the connection's own then. Put back, they would take the places of all shared ones."""
    Path("mapping_tables/lookups/units.csv").write_text("from,to\nunits,own\n")
    path = back_up(settings, tmp_path / "backup.zip")
    shared = tmp_path / "shared"
    Path("mapping_tables").rename(shared)
    (shared / "lookups/countries.csv").write_text("from,to\nNL,NL\nBE,BE\n")
    (shared / "lookups/units.csv").unlink()
    done = restore(settings.model_copy(update={"mapping_base": shared}), path)
    assert [each.name for each in Path("mapping_tables").rglob("*.csv")] == ["units.csv"], "the shared folder lacks it"
    assert done.differ == [shared / "lookups/countries.csv"]
