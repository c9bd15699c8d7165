"""From a change in one system to its value in the other, with the UI, the daemon and all flows on.

Usage: python benchmarks/freshness.py [--launchers forked,default] [--changes N] [--burst-minutes N] [--idle-seconds N]
For each launcher, on sandboxes of its own: changes one at a time, spread over the flows; bursts of a change of every
flow, one each 10 s; and a rest without changes. Prints one JSON line for each launcher: p50, p95 and worst seconds of
the single changes, of the bursts and of their last minute, the seconds until all of a burst had arrived; for the rest,
the share of a core that Dagster's processes need and the calls per hour; and the load of the machine. A change that
has not arrived after MOST_S is counted by its flow, and not waited for.
"""

import argparse
import contextlib
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

from changes import CHANGES, Seen, Systems
from rich.console import Console

MOST_S, LOOK_S, ROUND_S = 300, 0.1, 10
CUSTOMERS, ARTICLES = 20, 40
TICKS = os.sysconf("SC_CLK_TCK")
LAUNCHER = re.compile(r"^run_launcher:\n(?:  .*\n)+", re.MULTILINE)
WINBC = "from winbc_pipeline.cli.main import main; main()"
CONNECTION = "bench"
SETTINGS = f"""
data_folder = "."
connection = "{CONNECTION}"
history_start = {date.today().replace(day=1).isoformat()}
window = "month"
sensors = true
schedules = true
customers.direction = "both"
products.direction = "both"
guards.enabled = false
"""  # noqa: DTZ011


@contextlib.contextmanager
def sandboxes(folder: Path) -> Iterator[Systems]:
    """Both sandboxes in a process of their own, with a small shop."""
    made = [sys.executable, "-c", WINBC, "sandbox", "generate", str(folder), "--orders", "0"]
    subprocess.run([*made, "--customers", str(CUSTOMERS), "--articles", str(ARTICLES)], check=True, capture_output=True)
    with served(folder) as addresses:
        yield Systems(addresses)


@contextlib.contextmanager
def served(folder: Path) -> Iterator[dict[str, str]]:
    """Both sandboxes in a process of their own, with a folder of data. Gives where they are, as they tell it."""
    serve = [sys.executable, "-c", WINBC, "sandbox", "serve", "--json", "--load", str(folder)]
    with subprocess.Popen([*serve, "--requests", "9999999"], stdout=subprocess.PIPE) as server:
        try:
            assert server.stdout is not None
            yield json.loads(server.stdout.readline())
        finally:
            server.kill()


def load_all() -> None:
    """A first load of every flow, and a second one of what waited for another flow."""
    from winbc_pipeline import clock
    from winbc_pipeline.flows import FLOWS
    from winbc_pipeline.settings import load_settings
    from winbc_pipeline.sync.connected import ConnectedFlow
    from winbc_pipeline.sync.run import sync
    from winbc_pipeline.sync.work import Work

    settings = load_settings()
    for turn in (1, 2):
        for flow in (flow for flow in FLOWS if flow.is_on(settings)):
            done = sync(Work(ConnectedFlow(flow, settings), settings.history_start, clock.now().date(), f"load-{turn}"))
            print(f"{flow.id}: {done}", file=sys.stderr)


@contextlib.contextmanager
def dagster(home: Path, launcher: str, port: int) -> Iterator[int]:
    """UI and daemon until the block ends, as `winbc ui` runs them. Gives the session of their processes."""
    from winbc_pipeline.cli import dagster_home
    from winbc_pipeline.settings import load_settings

    dagster_home.prepare(home, load_settings())
    file = home / "dagster.yaml"
    if launcher == "default":
        shipped = file.read_text()
        assert LAUNCHER.search(shipped), "the shipped dagster.yaml names no launcher"
        file.write_text(LAUNCHER.sub("", shipped))
    with dagster_home.serve_ui(Console(file=sys.stderr), home, port):
        children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
        yield int(next(pid for pid in children if b"dagster" in Path(f"/proc/{pid}/cmdline").read_bytes()))


def free_port() -> int:
    """A port that nobody listens on now."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def processor_seconds(session: int) -> float:
    """Processor time of all processes of a session, with those that have ended and were waited for."""
    seconds = 0.0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            if int(fields[3]) == session:
                seconds += sum(map(int, fields[11:15])) / TICKS
    return seconds


class Watch:
    """Changes that are on their way, and the seconds that those took which have arrived."""

    def __init__(self, systems: Systems) -> None:
        self.systems, self.open = systems, list[tuple[str, float, Seen]]()
        self.took: dict[str, list[float]] = defaultdict(list)
        self.given_up: Counter[str] = Counter()

    def make(self, flow: str) -> None:
        seen = CHANGES[flow](self.systems)
        self.open.append((flow, time.monotonic(), seen))

    def look(self) -> None:
        for change in list(self.open):
            flow, began, seen = change
            if seen():
                self.open.remove(change)
                self.took[flow].append(time.monotonic() - began)
            elif time.monotonic() - began > MOST_S:
                self.open.remove(change)
                self.given_up[flow] += 1

    def wait(self, until: float | None = None) -> None:
        """Looks until everything has arrived, or until a moment."""
        while self.open and (until is None or time.monotonic() < until):
            self.look()
            time.sleep(LOOK_S)
        time.sleep(max(0.0, (until or 0) - time.monotonic()))

    def figures(self) -> dict[str, Any]:
        every = sorted(seconds for taken in self.took.values() for seconds in taken)
        return {
            "p50": round(statistics.median(every), 2),
            "p95": round(every[max(0, round(len(every) * 0.95) - 1)], 2),
            "worst": round(every[-1], 2),
            f"not_after_{MOST_S}_s": self.given_up,
        }

    def by_flow(self) -> dict[str, float]:
        return {flow: round(statistics.median(taken), 2) for flow, taken in self.took.items()}


def single(systems: Systems, changes: int, flows: list[str]) -> dict[str, Any]:
    """Changes one at a time, spread over the moments of the daemon's loop."""
    watch = Watch(systems)
    for number in range(changes):
        time.sleep(0.5 + number * 0.618 % 1 * 5.5)
        watch.make(flows[number % len(flows)])
        watch.wait()
    return watch.figures() | {"by_flow": watch.by_flow()}


def bursts(systems: Systems, minutes: float, flows: list[str]) -> dict[str, Any]:
    """A change of every flow each 10 s; whether those of the last minute took as long as all, and what was left."""
    watch, rounds = Watch(systems), round(minutes * 60 / ROUND_S)
    last = Watch(systems)
    began = time.monotonic()
    for number in range(rounds):
        for flow in flows:
            watch.make(flow)
        watch.wait(began + (number + 1) * ROUND_S)
        if number == max(0, rounds - 7):
            last.took = watch.took
            watch.took = defaultdict(list)
    ended, left = time.monotonic(), len(watch.open)
    watch.wait()
    final = watch.figures()
    for flow, taken in last.took.items():
        watch.took[flow] += taken
    return watch.figures() | {"last_minute": final, "left": left, "left_s": round(time.monotonic() - ended, 1)}


def rest(systems: Systems, session: int, seconds: float) -> dict[str, Any]:
    """What the flows cost while nothing changes."""
    before, began = systems.number_of_calls(), time.monotonic()
    used = processor_seconds(session)
    time.sleep(seconds)
    took = time.monotonic() - began
    share = (processor_seconds(session) - used) / took
    calls = {name: round((calls - before[name]) * 3600 / took) for name, calls in systems.number_of_calls().items()}
    return {"idle_share_of_core": round(share, 4), "calls_per_idle_hour": calls}


@contextlib.contextmanager
def loaded_shop(folder: Path, statuses: int) -> Iterator[Systems]:
    """Both sandboxes, whose connection in a folder has loaded everything; the folder is the present one.

    Args:
        statuses: orders for statuses to come.
    """
    folder.mkdir()
    with contextlib.chdir(folder), sandboxes(folder / "shop") as systems:
        Path("winbc.toml").write_text(SETTINGS)
        from winbc_pipeline.sandbox.server import Addresses

        values = Addresses(**systems.addresses).environment()
        Path(".env").touch(0o600)  # others may not read it
        Path(".env").write_text("".join(f"{name}={value!r}\n" for name, value in values.items()))
        systems.make_orders(statuses)
        load_all()
        systems.keep_orders()
        yield systems


def measure(launcher: str, given: argparse.Namespace, folder: Path) -> None:
    from winbc_pipeline.cli.dagster_home import claimed

    flows = given.flows.split(",") if given.flows else list(CHANGES)
    statuses = given.changes + round(given.burst_minutes * 60 / ROUND_S) * 2 + 2
    with loaded_shop(folder, statuses if any("status" in flow for flow in flows) else 0) as systems:
        line: dict[str, Any] = {"name": f"freshness, launcher {launcher}"}
        with claimed(Path(CONNECTION)) as home, dagster(home, launcher, free_port()) as session:
            warm = Watch(systems)
            for flow in flows:  # the first run of each flow is not counted
                warm.make(flow)
            warm.wait()
            line["load_before"] = round(os.getloadavg()[0], 2)
            if given.changes:
                used, began = processor_seconds(session), time.monotonic()
                line["single"] = single(systems, given.changes, flows)
                line["single"]["share_of_core"] = round(
                    (processor_seconds(session) - used) / (time.monotonic() - began), 2
                )
            if given.burst_minutes:
                line["burst"] = bursts(systems, given.burst_minutes, flows)
            if given.idle_seconds:
                time.sleep(15)
                line |= rest(systems, session, given.idle_seconds)
            line["load_after"] = round(os.getloadavg()[0], 2)
        print(json.dumps(line), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--launchers", default="forked,default")
    parser.add_argument("--flows", default="", help="ids of flows; all of them by default")
    parser.add_argument("--changes", type=int, default=100)
    parser.add_argument("--burst-minutes", type=float, default=5)
    parser.add_argument("--idle-seconds", type=float, default=120)
    parser.add_argument("--folder", default="", help="where everything is kept; by default nothing is")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() if not given.folder else contextlib.nullcontext(given.folder) as folder:
        for launcher in given.launchers.split(","):
            measure(launcher, given, Path(folder, launcher))


if __name__ == "__main__":
    main()
