"""`winbc up`, `winbc down`, `winbc logs`: what is up is known by its lock, and only what was started is ended.

Source of the promise: docs/operations.md, "Start, stop, pause".
"""

import logging
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
from filelock import FileLock
from typer.testing import CliRunner, Result

from winbc_pipeline import audit
from winbc_pipeline.cli.dagster_home import noted
from winbc_pipeline.cli.main import app
from winbc_pipeline.cli.setup import served
from winbc_pipeline.cli.setup.served import Up
from winbc_pipeline.dashboard.guard.access import Role, access_of
from winbc_pipeline.dashboard.guard.codes import codes_of
from winbc_pipeline.errors import ConfigurationError, NotDone, SystemUnavailable
from winbc_pipeline.settings import Settings

from ..support.sandboxes import HTTP, Sandboxes, environment_of


def winbc(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """DAGSTER_HOME of the connection of an empty folder."""
    monkeypatch.chdir(tmp_path)
    home = served.home_of(Settings())
    home.mkdir(parents=True)
    return home


@pytest.fixture
def left() -> Iterator[subprocess.Popen[bytes]]:
    """A process that a killed `winbc up` left behind."""
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    yield process
    process.kill()
    process.wait()


class Process:
    """The UI's process, which ends after so many looks."""

    def __init__(self, looks: int) -> None:
        self.looks, self.returncode = looks, 3

    def poll(self) -> int | None:
        self.looks -= 1
        return None if self.looks >= 0 else self.returncode


def test_down_says_that_nothing_is_up_and_ends_with_1(home: Path) -> None:
    done = winbc("down")
    assert (done.exit_code, done.output.strip()) == (1, "Nothing is up.")


def test_a_file_of_a_killed_process_is_known_as_stale_and_what_it_left_is_ended(
    home: Path, left: subprocess.Popen[bytes]
) -> None:
    served.write(home, Up(1, 3000, left.pid, served.beginning_of(left.pid)))
    done = winbc("down")
    assert done.exit_code == 0
    assert left.wait(10) == -signal.SIGKILL
    assert served.read(home) is None


def test_a_process_that_only_has_the_same_number_is_left_alone(home: Path, left: subprocess.Popen[bytes]) -> None:
    served.write(home, Up(1, 3000, left.pid, "another moment"))
    assert winbc("down").exit_code == 1
    assert left.poll() is None


def test_a_second_start_names_where_the_first_one_is(home: Path) -> None:
    served.write(home, Up(os.getpid(), 3007, 0, "", served=True))
    with FileLock(str(home / "served.lock")):
        done = winbc("up")
    assert isinstance(done.exception, NotDone)
    assert "It is up already: http://127.0.0.1:3007" in str(done.exception)


@pytest.mark.parametrize("role", ["view", "operate", "admin"])
def test_ui_shows_the_address_of_what_is_served_already(home: Path, role: Role) -> None:
    """docs/dashboard.md, "Who may do what"."""
    with FileLock(str(home / "served.lock")), noted(home, 3007):
        shown = winbc("ui", "--role", role).output
    assert f"http://127.0.0.1:3007/?token={access_of(home.parent).tokens[role]}\n" in shown


def test_ui_shows_what_an_authenticator_app_takes_and_notes_that_it_did(home: Path) -> None:
    """docs/dashboard.md, "A second factor"."""
    shown = winbc("ui", "--role", "view", "--authenticator").output
    secret = codes_of(home.parent).secrets["view"]
    assert f"otpauth://totp/winbc%3Adefault%20%28view%29?secret={secret}&issuer=winbc\n" in shown
    assert [(each.act, each.subject) for each in audit.entries(Settings())] == [("show", "authenticator of view")]


@pytest.mark.parametrize("command", ["up", "down"])
def test_a_ui_that_a_person_started_is_not_touched(home: Path, command: str) -> None:
    with FileLock(str(home / "served.lock")):
        done = winbc(command)
    assert isinstance(done.exception, NotDone)
    assert "End it with Ctrl-C there" in str(done.exception)


@pytest.mark.usefixtures("home")
def test_a_port_that_is_taken_is_told_before_anything_starts() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = winbc("up", "--port", str(taken.getsockname()[1]))
    assert isinstance(done.exception, ConfigurationError)
    assert "is taken. Choose another with --port" in str(done.exception)


def test_what_runs_beside_the_ui_runs_every_minute_and_a_fault_of_it_stops_nothing(home: Path) -> None:
    done: list[str] = []

    def breaks(_: Settings) -> None:
        done.append("broken")
        raise ValueError("jan@example.com")

    works = ("breaks", breaks), ("works", lambda _: done.append("works"))
    process = cast("subprocess.Popen[bytes]", Process(looks=121))
    with served.log_file(home) as log, pytest.raises(SystemUnavailable, match="exit code 3"):
        served.keep_up(process, Settings(), log, works, wait=lambda _: None)
    assert done == ["broken", "works"] * 3
    written = (home / served.LOG).read_text()
    assert written.count("breaks failed (ValueError)") == 3
    assert "jan@example.com" not in written, "a message may hold a person's data"


def test_the_log_never_grows_beyond_its_size(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(served, "LOG_BYTES", 1000)
    with served.log_file(home) as log:
        for number in range(500):
            log.log(logging.ERROR, "line %s", number)
    files = sorted(home.glob(f"{served.LOG}*"))
    assert len(files) == 1 + served.KEPT_LOGS
    assert max(path.stat().st_size for path in files) <= 1000
    assert "line 499" in winbc("logs", "--lines", "1").output


def test_logs_says_that_there_are_none_yet(home: Path) -> None:
    assert "There are no logs" in str(winbc("logs").exception)


@pytest.mark.proof
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # what is up outlives its starter
def test_up_serves_until_down_and_no_process_is_left(
    sandboxes: Sandboxes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, value in environment_of(sandboxes).items():
        monkeypatch.setenv(name, value)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    home = served.home_of(Settings())
    began = winbc("up", "--port", str(port))
    try:
        assert began.exit_code == 0, began.output
        assert HTTP.get(f"http://127.0.0.1:{port}/dagster/server_info").headers["location"] == "/login"
        assert f"http://127.0.0.1:{port}/?token=" in began.output.replace("\n", "")
        assert access_of(home.parent).tokens["view"] in winbc("ui", "--role", "view").output.replace("\n", "")
        known = served.read(home)
        assert known
    finally:
        ended = winbc("down")
    assert ended.exit_code == 0, ended.output
    assert served.beginning_of(known.child) != known.began
    assert not served.is_served(home)
    assert f"up on port {port}" in winbc("logs").output
