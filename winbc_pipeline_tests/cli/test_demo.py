"""The demo as a newcomer meets it: every command that it prints works when pasted, and Ctrl-C ends it at any time."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from winbc_pipeline.sandbox.retail import generate, write_folder

pytestmark = pytest.mark.proof

WINBC = "import sys; sys.argv[0] = 'winbc'; from winbc_pipeline.cli.main import main; main()"
COMMAND = re.compile(r": (\S*winbc (?:--home|sandbox) .*)$", re.MULTILINE)


class Demo:
    """A demo in a folder, in a process group of its own, as in a terminal."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.output = folder / "output"
        with self.output.open("wb") as file:
            command = [sys.executable, "-c", WINBC, "demo", *arguments]
            self.process = subprocess.Popen(
                command, cwd=folder, stdout=file, stderr=subprocess.STDOUT, start_new_session=True
            )

    def printed(self) -> str:
        return self.output.read_text(encoding="utf-8")

    def wait_for(self, happened: Callable[[], object]) -> None:
        ends = time.monotonic() + 300
        while not happened():
            assert self.process.poll() is None, self.printed()
            assert time.monotonic() < ends, self.printed()
            time.sleep(0.05)

    def ctrl_c(self) -> int:
        """The exit code; fails when the demo does not end within five seconds, or prints a traceback."""
        os.killpg(self.process.pid, signal.SIGINT)
        code = self.process.wait(5)
        assert "Ending the demo" in self.printed()
        assert "Traceback" not in self.printed()
        return code


def test_a_demo_is_ended_in_its_load_and_the_next_one_completes_it(tmp_path: Path) -> None:
    rows = generate(5, 6, datetime.now(UTC), orders=8)
    rows["orders"][0]["currency"] = "XYZ"  # no lookup knows it
    write_folder(tmp_path / "shop", rows)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])
    demo = Demo(tmp_path, "--sample", "shop", "--port", port)
    demo.wait_for(lambda: list(tmp_path.glob(".winbc/*/demo/orders_winstore_to_bc.duckdb")))
    assert demo.ctrl_c() == 130

    demo = Demo(tmp_path, "--sample", "shop", "--port", port)
    demo.wait_for(lambda: "records: " in demo.printed())
    assert "1 records are not done: W300001 (MAPPING)" in demo.printed()
    commands = COMMAND.findall(demo.printed())
    assert len(commands) >= 7, demo.printed()
    for command in commands:
        shell = ["bash", "-c", command]
        pasted = subprocess.run(shell, cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        said = pasted.stdout + pasted.stderr
        late = 2 if " status" in command else 0  # until the daemon has asked after a slow start
        assert pasted.returncode in (0, 1, late), f"{command}: {said}"
        assert "Traceback" not in said, command
    control, sku = re.findall(r"sandbox state (\S+) --key (\S+)", demo.printed())[0]

    def in_bc(entity: str) -> list[dict[str, str]]:
        return httpx.get(f"{control}/__state").json()["records"][entity]  # type: ignore[no-any-return]

    demo.wait_for(lambda: [item for item in in_bc("items") if item["number"] == sku and item["unitPrice"] == 12.34])
    orders = [order["externalDocumentNumber"] for order in in_bc("salesOrders")]
    assert len(orders) == len(set(orders)) == 7, "nothing is lost, nothing is there twice"
    assert demo.ctrl_c() == 0
