"""What is installed is what was pinned, and a wheel can be made again. Source: SECURITY.md; test catalogue row 103."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ..support.sandboxes import REPOSITORY

ADVISORIES = REPOSITORY / "scripts" / "advisories.py"


def test_every_library_is_pinned_with_hashes_and_none_from_an_address() -> None:
    text = (REPOSITORY / "requirements.lock").read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    assert len(lines) > 50
    for line in lines:
        assert re.match(r"[\w.\-\[\]]+==\S+ .*--hash=sha256:[0-9a-f]{64}", line), line
        assert "://" not in line


@pytest.mark.proof
def test_two_builds_make_the_same_wheel(tmp_path: Path) -> None:
    made = {build(tmp_path / name) for name in ("one", "two")}
    assert len(made) == 1


def build(folder: Path) -> str:
    """The SHA-256 of a wheel that is built of a fresh copy of the source."""
    source = folder / "source"
    passed_over = shutil.ignore_patterns("__pycache__", "*.egg-info")
    shutil.copytree(REPOSITORY / "winbc_pipeline", source / "winbc_pipeline", ignore=passed_over)
    for name in ("pyproject.toml", "setup.py", "README.md"):
        shutil.copyfile(REPOSITORY / name, source / name)
    subprocess.run(
        [sys.executable, "-c", "from setuptools.build_meta import build_wheel; build_wheel('..')"],
        cwd=source,
        env=os.environ | {"SOURCE_DATE_EPOCH": "1700000000"},
        check=True,
        capture_output=True,
    )
    (wheel,) = folder.glob("*.whl")
    return hashlib.sha256(wheel.read_bytes()).hexdigest()


def advisories(folder: Path, answer: str) -> tuple[int, str]:
    """What the script says where pip-audit answers so."""
    pip_audit = folder / "pip-audit"
    pip_audit.write_text(f"#!/bin/sh\ncat <<'END'\n{answer}\nEND\n")
    pip_audit.chmod(0o700)
    done = subprocess.run([sys.executable, ADVISORIES, pip_audit], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


def test_advisories_that_nobody_could_ask_for_are_not_checked(tmp_path: Path) -> None:
    code, printed = advisories(tmp_path, "no JSON: the source did not answer")
    assert (code, "NOT CHECKED" in printed) == (2, True), printed


def test_a_known_weakness_is_named_with_the_version_that_mends_it(tmp_path: Path) -> None:
    weak = {"name": "old", "version": "1.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["1.1"]}]}
    fine = {"name": "new", "version": "2.0", "vulns": []}
    code, printed = advisories(tmp_path, json.dumps({"dependencies": [weak, fine]}))
    assert (code, "old 1.0: PYSEC-1; mended in 1.1" in printed) == (1, True), printed
    assert advisories(tmp_path, json.dumps({"dependencies": [fine]}))[0] == 0
