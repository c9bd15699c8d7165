"""How the dashboard is started: Dagster's webserver is never served without the door."""

import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from dagster._grpc.constants import GrpcServerCommand

from winbc_pipeline.cli.dagster_home import wait_until_served
from winbc_pipeline.dashboard.dagster_dev import BEHIND, ONE_SERVER, TWO_SERVERS, _Popen, replaced
from winbc_pipeline.errors import SystemUnavailable

SAYS = [sys.executable, "-c", "import sys; print(sys.argv[1:])"]


class Open(BaseHTTPRequestHandler):
    """Dagster's webserver as it is: whoever asks is answered."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


def test_where_dagster_would_start_its_webserver_the_guarded_one_starts() -> None:
    with _Popen([*SAYS, "dagster_webserver", "--port"], stdout=subprocess.PIPE) as process:
        printed = process.communicate()[0]
    assert printed.split() == [b"['winbc_pipeline.dashboard.serve',", b"'--port']"]


def test_the_code_is_served_by_one_server_with_the_same_options() -> None:
    """Source: `open_server_process` of Dagster, which starts either command with the same options."""
    python, options = [sys.executable, "-m", "dagster"], ["--socket", "code", "--heartbeat"]
    assert [each.server_command for each in GrpcServerCommand] == [ONE_SERVER, TWO_SERVERS]
    assert replaced([*python, *TWO_SERVERS, *options]) == [*python, *ONE_SERVER, *options]


def test_a_server_that_answers_without_a_log_in_is_ended(tmp_path: Path) -> None:
    """As a later Dagster would, if it started its webserver in another way."""
    with HTTPServer(("127.0.0.1", 0), Open) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
            with pytest.raises(SystemUnavailable, match="answers without a log-in"):
                wait_until_served(process, server.server_port, tmp_path / "ui.log")
            process.communicate(b"\n")


@pytest.mark.skipif(not hasattr(os, "getpriority"), reason="this system knows no niceness")
def test_runs_let_the_pages_go_first() -> None:
    waits = [sys.executable, "-c", "input()"]
    with (
        _Popen([*waits, "dagster_webserver"], stdin=subprocess.PIPE) as web,
        _Popen([*waits, "dagster._daemon"], stdin=subprocess.PIPE) as daemon,
    ):
        niceness = [os.getpriority(os.PRIO_PROCESS, each.pid) for each in (web, daemon)]
        for each in (web, daemon):
            each.communicate(b"\n")
    assert niceness[1] - niceness[0] == BEHIND
