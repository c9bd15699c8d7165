"""Whoever would send a message is killed, one after the other, and it is still sent, once.

Source of the promise: docs/operations.md, "Who sends them". Row 111.
"""

import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest

from winbc_pipeline import clock
from winbc_pipeline.cli.dagster_home import child, prepare
from winbc_pipeline.flows.orders import ORDERS_TO_BC
from winbc_pipeline.health.flush import flush
from winbc_pipeline.settings import load_settings

from ..support import forked
from ..support.kept_open import let_go
from ..support.launched import kill, until
from ..support.receivers import webhook
from ..support.sandboxes import Sandboxes, environment_of

pytestmark = [pytest.mark.proof, pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")]

# The sensor `alerts` is on where a sensor is; that of this direction asks nobody, because Winstore owns stock.
SENSOR_ON = "[flows.stock_bc_to_winstore]\nsensors = true\n"


def test_with_run_daemon_and_ui_killed_in_turn_the_message_is_sent_once(
    sandboxes: Sandboxes, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_go()
    Path("winbc.toml").write_text(SENSOR_ON)
    home = sandboxes.folder / "home"
    home.mkdir()
    with webhook() as receiver, socket.create_server(("127.0.0.1", 0)) as free:
        given = {"DAGSTER_HOME": str(home), "WINBC_ALERTS__URLS__HOOK": receiver.url}
        given["WINBC_HISTORY_START"] = sandboxes.settings.history_start.isoformat()
        for name, value in (environment_of(sandboxes) | given).items():
            monkeypatch.setenv(name, value)
        settings, port = load_settings(), free.getsockname()[1]
        free.close()
        prepare(home, settings)
        receiver.status = 503

        sandboxes.fill(orders=[{}], lines=[{"vat_rate": "77"}])
        run = forked.start(ORDERS_TO_BC.id, "killed", {}, {"after cursor": 1})
        assert forked.signal_of(run), "killed when its order had failed, before it told anybody"
        assert receiver.tried == 0

        serve = ["dagster", "dev", "-m", "winbc_pipeline.definitions", "-h", "127.0.0.1", "-p", str(port)]
        with child(serve) as served:
            until(lambda: receiver.tried >= 1)  # the daemon has seen it, and nobody takes the message
            for name in (b"daemon", b"webserver"):
                for pid in children(served.pid, lambda command, name=name: name in command):  # type: ignore[misc]
                    with suppress(ProcessLookupError):  # `dagster dev` ends the others by itself
                        kill(pid)
            assert receiver.messages == []

        receiver.status = 200
        later = clock.now() + timedelta(minutes=16)  # a channel that failed rests 15 minutes at most
        assert flush(settings, later).sent == (f"winbc default: {ORDERS_TO_BC.id}: 1 record not done: MAPPING",)
        assert flush(settings, later + timedelta(minutes=1)).sent == ()
        assert len(receiver.messages) == 1


def children(session: int, wanted: Callable[[bytes], bool]) -> list[int]:
    """The processes of a session whose command line is wanted."""
    found = []
    for entry in Path("/proc").iterdir():
        with suppress(OSError, ValueError):
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            if int(fields[3]) == session and wanted((entry / "cmdline").read_bytes()):
                found.append(int(entry.name))
    return found
