"""A person in a backup that an earlier version made: plain hashes, and no key. Source: test catalogue row 96."""

import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from winbc_pipeline.privacy.erase import erase
from winbc_pipeline.settings import Settings
from winbc_pipeline.staging import schema
from winbc_pipeline.staging.people.installation_key import KEY_FILE
from winbc_pipeline.workbench.keeping.backup import MANIFEST, back_up
from winbc_pipeline.workbench.keeping.restore import manifest_of, restore

from .shop import hits

FIXTURE = Path(__file__).parents[1] / "upgrades" / "f696665.tar.xz"
GUEST = "guest@mail.example"


@pytest.fixture
def old_backup(tmp_path: Path) -> tuple[Settings, Path]:
    """A connection of the version before keyed hashes, with a guest's order, and a backup that it has made."""
    with tarfile.open(FIXTURE) as kept:
        kept.extractall(tmp_path, filter="data")
    settings = Settings(data_folder=tmp_path)
    path = settings.state_folder / "backups" / "old.zip"
    path.parent.mkdir()
    there = sorted(settings.state_folder.glob("*.duckdb"))
    with zipfile.ZipFile(path, "w") as made:
        for each in there:
            made.write(each, f"state/{each.name}")
    files = {f"state/{each.name}": "" for each in there}
    template = manifest_of(back_up(settings, tmp_path / "template.zip"))
    with zipfile.ZipFile(path, "a") as made:
        made.writestr(MANIFEST, orjson.dumps(replace(template, tables=2, files=files)))
    (tmp_path / "template.zip").unlink()
    return settings, path


@pytest.mark.proof
def test_an_erased_guest_is_in_no_byte_of_an_old_backup_and_it_is_restored_with_the_present_key(
    old_backup: tuple[Settings, Path],
) -> None:
    settings, path = old_backup
    assert hits(settings, [GUEST]) != set()
    erase(settings, GUEST)
    assert hits(settings, [GUEST]) == set()
    manifest = manifest_of(path)
    with zipfile.ZipFile(path) as made:
        assert sorted(made.namelist()) == sorted([*manifest.files, MANIFEST]), "no copy of what was there before"
    key = (settings.state_folder / KEY_FILE).read_text()
    restore(settings, path)
    assert (manifest.tables, (settings.state_folder / KEY_FILE).read_text()) == (schema.VERSION, key)
