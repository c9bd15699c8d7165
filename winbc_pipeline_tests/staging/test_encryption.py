"""Databases are encrypted where the settings say so, and a wrong or lost key is told. Source: docs/security.md."""

import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from winbc_pipeline import secret_sources
from winbc_pipeline.errors import ConfigurationError, StoreBusy, WrongKey
from winbc_pipeline.settings import DatabaseSettings, Settings, load_settings
from winbc_pipeline.staging import compact, schema
from winbc_pipeline.staging.looking import looking
from winbc_pipeline.staging.people import encryption
from winbc_pipeline.staging.store import Store
from winbc_pipeline.workbench.keeping.backup import back_up
from winbc_pipeline.workbench.keeping.restore import restore

pytestmark = pytest.mark.files

CANARY = "canary@planted.example"
KEY, OTHER = "k" * 32, "o" * 32
FLOW = "orders_winstore_to_bc"


def is_encrypted(path: Path) -> bool:
    """By the header of a DuckDB file: a check sum, DUCK, the version, then flags, of which the lowest bit says so."""
    header = path.read_bytes()[:21]
    assert header[8:12] == b"DUCK"
    return bool(header[20] & 1)


@pytest.fixture(autouse=True)
def _no_key_is_left() -> Iterator[None]:
    yield
    secret_sources._database_keys.clear()


def set_to(folder: Path, encrypted: bool = True, key: str = KEY) -> Settings:
    return Settings(data_folder=folder, databases=DatabaseSettings(encrypted=encrypted, encryption_key=key))


def written(settings: Settings) -> Store:
    """A database with a person's address, some of it in the log of the last changes."""
    store = Store(settings.flow_database(FLOW))
    with store.open() as connection:
        connection.execute(f"CREATE TABLE IF NOT EXISTS person AS SELECT '{CANARY}' AS email")
        connection.execute("CHECKPOINT")
        connection.execute(f"INSERT INTO person VALUES ('log {CANARY}')")
        assert CANARY.encode() not in (log := store.log).read_bytes() or not is_encrypted(store.path), log
    return store


def emails(store: Store) -> list[str]:
    with store.open() as connection:
        return [email for (email,) in connection.execute("FROM person").fetchall()]


def bytes_below(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_no_byte_of_a_person_is_in_an_encrypted_database(tmp_path: Path) -> None:
    store = written(set_to(tmp_path))
    assert CANARY.encode() not in bytes_below(tmp_path)
    assert emails(store) == [CANARY, f"log {CANARY}"]
    assert store.path.stat().st_mode & 0o777 == 0o600


def test_who_only_looks_reads_an_encrypted_database_and_its_log(tmp_path: Path) -> None:
    store = written(set_to(tmp_path))
    with looking(0.2):
        assert emails(store) == [CANARY, f"log {CANARY}"]
    assert CANARY.encode() not in bytes_below(tmp_path)


@pytest.mark.parametrize(("encrypted", "to"), [(False, True), (True, False)])
def test_who_only_looks_leaves_it_to_the_next_run_to_encrypt_a_database(
    tmp_path: Path, encrypted: bool, to: bool
) -> None:
    store = written(set_to(tmp_path, encrypted))
    set_to(tmp_path, to)
    before = bytes_below(tmp_path)
    with pytest.raises(StoreBusy, match="another version"), looking(0.2):
        emails(store)
    assert bytes_below(tmp_path) == before


@pytest.mark.parametrize(("encrypted", "to"), [(False, True), (True, False)])
def test_a_database_becomes_as_the_setting_says_at_its_next_use(tmp_path: Path, encrypted: bool, to: bool) -> None:
    store = written(set_to(tmp_path, encrypted))
    assert is_encrypted(store.path) == encrypted
    set_to(tmp_path, to)
    assert emails(store) == [CANARY, f"log {CANARY}"]
    assert is_encrypted(store.path) == to


def test_a_wrong_key_is_told_and_nothing_changes(tmp_path: Path) -> None:
    """Source: docs/errors.md, E-KEY."""
    store = written(set_to(tmp_path))
    before = store.path.read_bytes()
    set_to(tmp_path, key=OTHER)
    with pytest.raises(WrongKey, match="E-KEY.*another key"):
        emails(store)
    assert store.path.read_bytes() == before
    set_to(tmp_path)
    assert len(emails(store)) == 2


def test_a_lost_key_is_told(tmp_path: Path) -> None:
    """Source: docs/errors.md, E-KEY."""
    store = written(set_to(tmp_path))
    Settings(data_folder=tmp_path)
    with pytest.raises(WrongKey, match="E-KEY.*none is set"):
        emails(store)


def test_copies_stay_encrypted_and_smaller_files_forget(tmp_path: Path) -> None:
    store = written(set_to(tmp_path))
    with store.open() as connection:
        schema.keep_copy(connection, schema.kept_path(store.path, 1))
        connection.execute("DELETE FROM person WHERE starts_with(email, 'log')")
    compact.rewrite(store)
    assert (emails(store), is_encrypted(store.path)) == ([CANARY], True)
    assert is_encrypted(schema.kept_path(store.path, 1))
    assert CANARY.encode() not in bytes_below(tmp_path)


def test_a_backup_is_encrypted_and_put_back_with_the_key_only(tmp_path: Path) -> None:
    settings = set_to(tmp_path / "old")
    written(settings)
    path = back_up(settings, tmp_path / "backup.zip")
    with zipfile.ZipFile(path) as packed:
        packed.extractall(tmp_path / "unpacked")
    assert CANARY.encode() not in bytes_below(tmp_path / "unpacked")
    assert is_encrypted(tmp_path / "unpacked" / "state" / f"{FLOW}.duckdb")
    with pytest.raises(WrongKey):
        restore(set_to(tmp_path / "other", key=OTHER), path)
    new = set_to(tmp_path / "new")
    restore(new, path)
    assert len(emails(Store(new.flow_database(FLOW)))) == 2


@pytest.mark.parametrize("encrypted", [True, False])
def test_another_process_is_kept_out_while_this_one_has_it_open(tmp_path: Path, encrypted: bool) -> None:
    """A process that opens and closes a locked file once more, in whatever way, ends its lock (fcntl, POSIX)."""
    store = written(set_to(tmp_path, encrypted))
    look = "import sys, duckdb; duckdb.connect(sys.argv[1])"
    with store.open(), store.open():
        other = subprocess.run([sys.executable, "-c", look, store.path], capture_output=True, text=True, check=False)
    assert "Could not set lock" in other.stderr


def test_two_uses_at_once_see_one_database(tmp_path: Path) -> None:
    store = written(set_to(tmp_path))
    with store.open(), store.open() as other:
        assert other.execute("SELECT count(*) FROM person").fetchone() == (2,)


def test_encryption_without_a_key_or_with_a_short_one_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WINBC_DATABASES__ENCRYPTED", "true")
    with pytest.raises(ConfigurationError, match="need a key"):
        load_settings()
    monkeypatch.setenv("WINBC_DATABASES__ENCRYPTION_KEY", "short")
    with pytest.raises(ConfigurationError, match="at least 32 characters"):
        load_settings()


def test_without_the_extension_of_the_wheel_it_is_told_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encryption._extension.cache_clear()
    monkeypatch.setattr(encryption.util, "find_spec", lambda _: None)
    store = Store(set_to(tmp_path).flow_database(FLOW))
    with pytest.raises(ConfigurationError, match="duckdb-extension-httpfs"), store.open():
        pass
    assert not store.path.exists()
