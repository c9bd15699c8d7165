"""Which runs are forked, and what the launcher rests on.

Source: Dagster's concept page "Run launchers"; Python's documentation of multiprocessing (start methods).
"""

import inspect
import os
from importlib import resources
from multiprocessing import Pipe
from pathlib import Path

import pytest
import yaml
from dagster import DagsterRun, DefaultRunLauncher
from dagster._cli.api import execute_run_command
from dagster._core.code_pointer import ModuleCodePointer
from dagster._core.launcher import LaunchRunContext
from dagster._core.origin import JobPythonOrigin, RepositoryPythonOrigin
from dagster._grpc.types import ExecuteRunArgs

from winbc_pipeline.orchestration.launcher import ForkedRunLauncher, launcher, process, versions, worker
from winbc_pipeline.orchestration.launcher.worker import GENTLY, GO, GO_GENTLY


def test_the_shipped_configuration_names_the_launcher() -> None:
    text = resources.files("winbc_pipeline.defaults").joinpath("dagster.yaml").read_text(encoding="utf-8")
    named = yaml.safe_load(text)["run_launcher"]
    assert named == {"module": ForkedRunLauncher.__module__.rpartition(".")[0], "class": ForkedRunLauncher.__name__}


@pytest.mark.parametrize("platform", ["win32", "darwin"])
def test_a_system_without_a_safe_fork_launches_as_dagster_does(platform: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process.sys, "platform", platform)
    assert not process.can_fork()


def test_the_function_behind_dagster_api_execute_run_is_the_one_that_we_know() -> None:
    """It is private to Dagster. Whoever raises Dagster's version looks at it first (launcher/executed.py)."""
    body = execute_run_command.callback
    assert body
    assert list(inspect.signature(body).parameters) == ["input_json", "compressed_input_json"]
    assert list(inspect.signature(ExecuteRunArgs.__new__).parameters)[1:4] == ["job_origin", "run_id", "instance_ref"]
    assert execute_run_command.name == "execute_run"


def test_the_types_of_a_launcher_are_those_that_we_know() -> None:
    assert LaunchRunContext._fields == ("dagster_run", "workspace")
    for name in ("launch_run", "terminate", "check_run_worker_health"):
        ours, theirs = getattr(ForkedRunLauncher, name), getattr(DefaultRunLauncher, name)
        assert list(inspect.signature(ours).parameters) == list(inspect.signature(theirs).parameters)


def test_an_edited_env_file_makes_another_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So the fork server is made anew, and the next run has the new settings."""
    monkeypatch.chdir(tmp_path)
    before = versions.version()
    assert versions.version() == before
    Path(".env").write_text("OTHER=1\n")
    assert versions.version() != before


def test_what_all_connections_share_makes_another_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As when `mapping_base` names another folder."""
    folder = tmp_path / "connections" / "utrecht"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    before = versions.version()
    Path("..", "defaults.toml").write_text("overlap_minutes = 3\n")
    assert versions.version() != before


def test_edited_code_makes_another_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(versions, "PACKAGE", tmp_path)
    (tmp_path / "module.py").write_text("one = 1")
    before = versions.version()
    (tmp_path / "module.py").write_text("one = 11")
    assert versions.version() != before


def test_settings_of_the_environment_make_another_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    before = versions.version()
    monkeypatch.setenv("WINBC_TIMEOUT_S", "7")
    assert versions.version() != before


def test_the_password_counts_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WINBC_WINSTORE__PASSWORD", "one")
    before = versions.version()
    monkeypatch.setenv("WINBC_WINSTORE__PASSWORD", "another")
    assert versions.version() != before


def test_code_of_another_python_is_not_forked() -> None:
    assert not launcher._is_ours(_run("/usr/bin/another-python"))
    assert launcher._is_ours(_run(process.sys.executable))


def _run(python: str) -> DagsterRun:
    origin = JobPythonOrigin(
        "job", RepositoryPythonOrigin(python, ModuleCodePointer("winbc_pipeline.definitions", "defs"))
    )
    return DagsterRun("job", job_code_origin=origin)


@pytest.mark.parametrize(("word", "nice"), [(GO, []), (GO_GENTLY, [GENTLY])])
def test_the_process_of_a_run_that_may_wait_yields_to_others(
    word: str, nice: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs, ours = Pipe(duplex=False)
    ours.send((word, {"utrecht"}))
    heard = list[int]()
    monkeypatch.setattr(os, "nice", heard.append)
    assert worker._permitted(theirs) == {"utrecht"}
    assert heard == nice
