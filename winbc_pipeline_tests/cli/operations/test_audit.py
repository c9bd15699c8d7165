"""`winbc audit`, and that commands which act are noted. Source: docs/privacy.md, Who did what."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from winbc_pipeline import audit
from winbc_pipeline.audit.log import LOG
from winbc_pipeline.cli.main import app
from winbc_pipeline.settings import Settings


def winbc(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "300")


def test_a_pause_and_its_end_are_noted() -> None:
    winbc("pause", "products_winstore_to_bc", "--until", "2h")
    winbc("resume", "products_winstore_to_bc")
    assert [(each.act, each.subject) for each in audit.entries(Settings())] == [
        ("pause", "products_winstore_to_bc"),
        ("resume", "products_winstore_to_bc"),
    ]


def test_the_list_shows_what_is_about_a_record() -> None:
    audit.record(Settings(), "retry", "orders_winstore_to_bc", ["W1"], who="dashboard:els")
    audit.record(Settings(), "show", "orders_winstore_to_bc", ["W2"], who="dashboard:bo")
    printed = winbc("audit", "list", "--record", "W1").stdout
    assert "dashboard:els" in printed and "dashboard:bo" not in printed


def test_an_altered_log_ends_with_exit_code_1_and_is_named() -> None:
    audit.record(Settings(), "retry", "orders_winstore_to_bc")
    assert winbc("audit", "verify").exit_code == 0
    path = Settings().state_folder / LOG
    path.write_bytes(path.read_bytes().replace(b"retry", b"renew"))
    result = winbc("audit", "verify")
    assert result.exit_code == 1
    assert "audit.log, line 1: it was changed" in result.stdout
