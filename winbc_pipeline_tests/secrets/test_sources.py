"""Secrets: who may read them, and which one counts after it was renewed. Source: docs/settings.md, Secrets."""

import stat
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest

from winbc_pipeline import secret_sources
from winbc_pipeline.errors import ConfigurationError, StoreDamaged
from winbc_pipeline.secret_sources import current
from winbc_pipeline.settings import Settings, load_settings, source_of
from winbc_pipeline.staging.people.installation_key import KEY_FILE, key_in
from winbc_pipeline.systems.business_central.auth import authorization_source
from winbc_pipeline.workbench.desk.settings_told import settings_told

PASSWORD = "WINBC_BC__PASSWORD"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(secret_sources, "_loaded", {})
    for name in (PASSWORD, "WINBC_WINSTORE__PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def env_file(text: str, mode: int = 0o600) -> None:
    Path(".env").write_text(text)
    Path(".env").chmod(mode)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_a_file_of_secrets_that_others_may_read_is_refused(mode: int) -> None:
    env_file(f"{PASSWORD}=s3cret\n", mode)
    with pytest.raises(ConfigurationError, match=r"may read \.env.*chmod 600 \.env") as refused:
        load_settings()
    assert "s3cret" not in str(refused.value)


def test_a_file_without_secrets_may_be_read_by_others() -> None:
    env_file("DAGSTER_HOME=/somewhere\nWINBC_CONNECTION=shop\n", 0o644)
    load_settings()


def test_a_renewed_password_is_used_without_a_restart() -> None:
    env_file(f"{PASSWORD}=old\nWINBC_BC__USER=u\n")
    header = authorization_source(load_settings().bc)
    before = header(None)
    env_file(f"{PASSWORD}=new\nWINBC_BC__USER=u\n")
    assert header(before) != before


def test_the_file_is_read_again_only_when_it_is_another_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each call to Winstore asks for the password: five in each second."""
    env_file(f"{PASSWORD}=old\nWINBC_BC__USER=u\n")
    header = authorization_source(load_settings().bc)
    before = header(None)
    with monkeypatch.context() as patch:
        patch.setattr(secret_sources, "dotenv_values", lambda _: pytest.fail("It is known."))
        assert header(None) == before
    Path(".env").unlink()
    assert header(None) == before, "what was loaded counts where nothing else is there"


def test_a_renewed_secret_counts_where_dagster_put_the_old_one_into_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Dagster loads `.env` into the environment of its processes."""
    env_file(f"{PASSWORD}=old\n")
    monkeypatch.setenv(PASSWORD, "old")
    load_settings()
    env_file(f"{PASSWORD}=new\n")
    assert current("bc.password", "old", Path()) == "new"


def test_a_secret_of_the_environment_alone_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    env_file(f"{PASSWORD}=of the file\n")
    monkeypatch.setenv(PASSWORD, "of the environment")
    loaded = load_settings().bc.password.get_secret_value()
    env_file(f"{PASSWORD}=renewed\n")
    assert current("bc.password", loaded, Path()) == "of the environment"


def a_keyring(monkeypatch: pytest.MonkeyPatch, **kept: str) -> None:
    """The library `keyring`, with secrets of the connection `default`."""
    names = {("winbc default", name.replace("__", ".")): value for name, value in kept.items()}
    module = SimpleNamespace(get_password=lambda service, name: names.get((service, name)))
    monkeypatch.setitem(sys.modules, "keyring", module)


def test_a_secret_may_be_in_the_keyring_of_the_system(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "winbc.toml").write_text('keyring = true\n[bc]\nuser = "u"\n')
    a_keyring(monkeypatch, bc__password="of the keyring", winstore__password="theirs")
    settings = load_settings()
    assert settings.bc.password.get_secret_value() == "of the keyring"
    assert (settings.bc.user, settings.winstore.password.get_secret_value()) == ("u", "theirs")


def test_the_source_of_each_secret_is_told(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Source: docs/dashboard.md (Settings)."""
    (home / "winbc.toml").write_text('keyring = true\n[bc]\nuser = "u"\n')
    monkeypatch.setenv(PASSWORD, "of the environment")
    a_keyring(monkeypatch, bc__password="of the keyring", winstore__password="theirs")
    told = {each.name: each.source for each in settings_told(load_settings())}
    names = ("winstore.password", "bc.password", "bc.user", "bc.client_secret")
    assert [told[name] for name in names] == ["keyring", "environment", "winbc.toml", "default"]


def test_a_secret_that_the_keyring_has_no_more_is_not_said_to_be_there(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "winbc.toml").write_text("keyring = true\n")
    a_keyring(monkeypatch, bc__password="of the keyring")
    load_settings()
    a_keyring(monkeypatch)
    load_settings()
    assert source_of(("bc", "password")) == "default"


def test_the_environment_wins_over_the_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PASSWORD, "of the environment")
    a_keyring(monkeypatch, bc__password="of the keyring")
    assert load_settings(keyring=True).bc.password.get_secret_value() == "of the environment"


def test_without_the_setting_the_keyring_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    a_keyring(monkeypatch, bc__password="of the keyring")
    assert load_settings().bc.password.get_secret_value() == ""


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(ConfigurationError, match="pip install keyring"):
        load_settings(keyring=True)


def test_a_key_of_nothing_is_refused(home: Path) -> None:
    """Such as a full disk once left it: hashes with it could be guessed."""
    (home / KEY_FILE).touch()
    with pytest.raises(StoreDamaged, match="holds no key"):
        key_in(home)


def test_all_who_ask_first_get_one_key(home: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda _: key_in(home), range(40)))) == 1
    assert [path.name for path in home.iterdir()] == [KEY_FILE]


def test_the_folder_of_a_connection_becomes_its_owners_alone(home: Path) -> None:
    """Also one that was made before, such as by hand."""
    folder = Settings(data_folder=home).state_folder
    folder.mkdir()
    folder.chmod(0o755)
    key_in(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
