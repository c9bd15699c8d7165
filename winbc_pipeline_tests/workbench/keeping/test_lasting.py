"""What a restore never takes back. Source of each promise: docs/operations.md, Restore; docs/privacy.md."""

from pathlib import Path

import pytest

from winbc_pipeline import audit
from winbc_pipeline.errors import NotDone
from winbc_pipeline.settings import Settings
from winbc_pipeline.staging.people.erased import add, mark, marks_in
from winbc_pipeline.staging.people.installation_key import key_in
from winbc_pipeline.workbench.keeping.backup import back_up
from winbc_pipeline.workbench.keeping.restore import restore

pytestmark = pytest.mark.files  # a server is backed up with its own tools
ANNA, BEA = ("email", "anna@mail.example"), ("email", "bea@mail.example")


def machine(folder: Path) -> Settings:
    return Settings(data_folder=folder)


@pytest.fixture
def old(tmp_path: Path) -> Settings:
    """A machine that has erased Anna, with a log and a certificate."""
    settings = machine(tmp_path / "old")
    add(settings.state_folder, [ANNA])
    audit.record(settings, "erase", "a person")
    (settings.state_folder / "certificates").mkdir()
    (settings.state_folder / "certificates" / "erasing-1.json").write_text("{}")
    return settings


def test_a_new_machine_has_marks_log_and_certificates(old: Settings, tmp_path: Path) -> None:
    new = machine(tmp_path / "new")
    restore(new, back_up(old))
    assert marks_in(new.state_folder) == {mark(key_in(old.state_folder), *ANNA)}
    assert [each.act for each in audit.entries(new)] == ["erase", "restore"]
    assert audit.verify(new).problems == []
    assert (new.state_folder / "certificates" / "erasing-1.json").exists()


def test_an_older_backup_takes_neither_marks_nor_acts_away(old: Settings) -> None:
    path = back_up(old)
    add(old.state_folder, [BEA])
    audit.record(old, "erase", "a person")
    restore(old, path)
    key = key_in(old.state_folder)
    assert marks_in(old.state_folder) == {mark(key, *ANNA), mark(key, *BEA)}
    assert [each.act for each in audit.entries(old)] == ["erase", "erase", "restore"]
    assert audit.verify(old).problems == []


def test_a_machine_that_has_erased_nobody_takes_the_key_and_sets_its_own_log_aside(
    old: Settings, tmp_path: Path
) -> None:
    new = machine(tmp_path / "new")
    audit.record(new, "pause", "orders_winstore_to_bc")
    restore(new, back_up(old))
    assert key_in(new.state_folder) == key_in(old.state_folder)
    assert audit.verify(new).problems == []
    (aside,) = new.state_folder.glob("audit.log.until-*")
    assert b"pause" in aside.read_bytes()


def test_a_machine_that_has_erased_somebody_keeps_its_key(tmp_path: Path) -> None:
    here, other = machine(tmp_path / "here"), machine(tmp_path / "other")
    audit.record(other, "pause", "orders_winstore_to_bc")
    add(here.state_folder, [BEA])
    key = key_in(here.state_folder)
    restore(here, back_up(other))
    assert (key_in(here.state_folder), marks_in(here.state_folder)) == (key, {mark(key, *BEA)})


def test_nobody_is_forgotten_where_both_machines_have_erased_with_different_keys(old: Settings, tmp_path: Path) -> None:
    here = machine(tmp_path / "here")
    add(here.state_folder, [BEA])
    before = marks_in(here.state_folder)
    with pytest.raises(NotDone, match="different keys"):
        restore(here, back_up(old))
    assert marks_in(here.state_folder) == before
