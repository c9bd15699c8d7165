"""Connections with state in PostgreSQL and runs in workers: what a second worker adds, and what a run and a rest cost.

Usage: python benchmarks/fleet.py [--connections N] [--rows N] [--workers 1,2] [--seconds N] runs|rest|together
`runs`: each connection has figures of stock to send, all at once, in batches of 10 to a server of its own that needs
50 ms a call and takes five at a time. One worker with one slot does it, then two do it for as many other connections
(or as many as `--workers` says).
`rest`: a `winbc up` follows each connection, whose systems are empty sandboxes, and nothing changes.
`together`: one `winbc up` follows all connections, 50 in each code location. Their systems are one server that says
that nothing changed.
Needs PostgreSQL and Redis (scripts/ start them on loopback, PostgreSQL without fsync). Linux only.
Prints one JSON line: for `runs` the seconds with one worker and with two, their ratio, and for a run the seconds of
processor time of the worker, of PostgreSQL and of what a real installation has elsewhere (the servers, and this script,
which asks whether runs have ended; with Redis), and the KB that Dagster's tables grew by; for `rest`, of a connection,
and for `together`, of all, the MB of memory, the sessions with PostgreSQL, the seconds of processor time in an hour, of
their own processes and of PostgreSQL's, and the KB that Dagster's tables grew by in an hour.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, chdir, contextmanager
from pathlib import Path
from typing import Any

import connections
import stock
from serving import answer_json, served
from workers import WORKER, asked, family, megabytes, postgres, redis_server

FLOW = "stock_winstore_to_bc"
WINBC = [sys.executable, "-c", "from winbc_pipeline.cli.main import main; main()"]
TICKS = os.sysconf("SC_CLK_TCK")
MOST_S, SETTLES_S, QUIET_S = 1800, 20, 10
SLOTS = "SELECT count(*) FROM pg_stat_activity WHERE starts_with(application_name, 'winbc worker ')"
SESSIONS = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
BYTES = """
    SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)
    FROM pg_class AS c
    JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 't') AND starts_with(n.nspname, 'dagster~')"""
RUNS = "SELECT coalesce(sum(n_tup_ins), 0) FROM pg_stat_all_tables WHERE relname = 'runs'"  # of all connections

FLOWS_ON = 7  # of a connection without settings of flows
FOLLOWING = {"WINBC_SENSORS": "true"}  # schedules make runs, which are not rest
# Runs that have succeeded, once all have ended and the last one did so some time ago.
LOADED = f"""
    SELECT CASE WHEN every(status IN ('SUCCESS', 'FAILURE', 'CANCELED')
        AND end_time < extract(epoch FROM now()) - {QUIET_S})
        THEN count(*) FILTER (WHERE status = 'SUCCESS') ELSE 0 END
    FROM "dagster~{{}}".runs"""


class Connection:
    """A connection in a folder of its own, which is the present one while it is made and launched."""

    def __init__(self, folder: Path, chosen: dict[str, str]) -> None:
        folder.mkdir(parents=True)
        self.folder, env = folder, folder / ".env"
        common = {"WINBC_CONNECTION": folder.name, "WINBC_DATA_FOLDER": str(folder), "WINBC_GUARDS__ENABLED": "false"}
        common |= {"WINBC_HISTORY_START": stock.START.date().isoformat()}
        env.touch(0o600)
        env.write_text("".join(f"{name}='{value}'\n" for name, value in (common | chosen).items()))

    def make_run(self) -> None:
        """Makes a run of the flow, with what it is launched by."""
        from dagster import DagsterInstance
        from dagster._core.definitions.reconstruct import ReconstructableRepository

        from winbc_pipeline.build import build_defs
        from winbc_pipeline.orchestration.anywhere.execute import prepare
        from winbc_pipeline.orchestration.windows import range_tags
        from winbc_pipeline.settings import load_settings

        with chdir(self.folder):
            settings = load_settings()
            prepare(settings)
            self.instance = DagsterInstance.get()
            recon = ReconstructableRepository.for_module("winbc_pipeline.definitions", "defs", str(self.folder))
            run = self.instance.create_run_for_job(
                build_defs(settings=settings).resolve_job_def(FLOW),
                tags=range_tags(stock.START.date(), stock.START.date(), settings),
                job_code_origin=recon.get_reconstructable_job(FLOW).get_python_origin(),
            )
            self.run = run.run_id

    def launch(self) -> None:
        """Gives the run to the workers, as the daemon does."""
        with chdir(self.folder):
            self.instance.launch_run(self.run, workspace=None)  # type: ignore[arg-type]

    def has_ended(self) -> bool:
        run = self.instance.get_run_by_id(self.run)
        assert run and run.status.value not in ("FAILURE", "CANCELED"), self.run
        return run.is_finished


def seconds_of(pid: int) -> float:
    """Processor time of a process and its children, with those that have ended."""
    while True:
        try:
            fields = [Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()[11:15] for each in family(pid)]
            break
        except FileNotFoundError:  # one of them has just ended, and its parent has its time
            pass
    return sum(int(each) for four in fields for each in four) / TICKS


def asked_of(server: str, question: str) -> int:
    with asked(server) as cursor:
        cursor.execute(question)
        return int(cursor.fetchone()[0])


@contextmanager
def workers(number: int, every: list[Connection], server: str) -> Iterator[list[int]]:
    """Workers of one slot each, as their numbers, until the block ends."""
    with ExitStack() as stack:
        given = [f"{each.folder.name}={each.folder}" for each in every]
        log = stack.enter_context((every[0].folder / "workers.log").open("wb"))
        with chdir(every[0].folder):
            started = [
                subprocess.Popen([sys.executable, "-m", WORKER, "1", *given], stdout=log, stderr=log)
                for _ in range(number)
            ]
        for each in started:
            stack.callback(each.wait)
            stack.callback(each.terminate)
        wait_until(lambda: asked_of(server, SLOTS) == number)
        time.sleep(2)  # until their processes are forked
        yield [each.pid for each in started]
    wait_until(lambda: asked_of(server, SLOTS) == 0)


def wait_until(happened: Any) -> None:
    ends = time.monotonic() + MOST_S
    while not happened():
        assert time.monotonic() < ends, "it did not happen"
        time.sleep(0.1)


def runs(number: int, every: list[Connection], server: Any) -> dict[str, float]:
    """What a run of each connection takes, with a number of workers of one slot."""
    with workers(number, every, server.address) as pids:
        for each in every:
            each.make_run()
        kept, spent, database = asked_of(server.address, BYTES), sum(map(seconds_of, pids)), seconds_of(server.pid)
        every_s = seconds_of(os.getpid())
        began = time.monotonic()
        for each in every:
            each.launch()
        wait_until(lambda: all(each.has_ended() for each in every))
        seconds, runs = time.monotonic() - began, len(every)
        of_workers, of_server = sum(map(seconds_of, pids)) - spent, seconds_of(server.pid) - database
        return {
            "seconds": seconds,
            "run_s": of_workers / runs,
            "run_postgres_s": of_server / runs,
            "run_others_s": (seconds_of(os.getpid()) - every_s - of_workers - of_server) / runs,
            "run_kb": (asked_of(server.address, BYTES) - kept) / runs / 1024,
        }


def speedup(given: argparse.Namespace, chosen: dict[str, str], server: Any, folder: Path) -> dict[str, float]:
    """The figures of each number of workers, with connections of their own."""
    with ExitStack() as stack:
        serving = [served(stock.serve, given.rows, 1, 1, 1.0) for _ in range(given.connections)]
        urls = [stack.enter_context(each) for each in serving]
        found: dict[str, float] = {}
        for number in map(int, given.workers.split(",")):
            every = [Connection(folder / f"w{number}-{n}", chosen | on(url)) for n, url in enumerate(urls)]
            figures = runs(number, every, server)
            found |= {f"{name}_of_{number}" if name == "seconds" else name: each for name, each in figures.items()}
        assert all(stock.counted(url)["arrived"] == given.rows for url in urls)
    if {"seconds_of_1", "seconds_of_2"} <= set(found):
        found["ratio"] = found["seconds_of_1"] / found["seconds_of_2"]
    return found


def on(url: str) -> dict[str, str]:
    """Both systems are the server of `stock.py`, whose calls wait."""
    own = {"BASE_URL": url, "USER": "u", "PASSWORD": "p"}
    both = {f"WINBC_{system}__{name}": value for system in ("BC", "WINSTORE") for name, value in own.items()}
    return both | {"WINBC_BC__COMPANY": "bench", "WINBC_BC__COMPANION_APP": "off", "WINBC_BC__BATCH_SIZE": "10"}


def rest(given: argparse.Namespace, chosen: dict[str, str], server: Any, folder: Path) -> dict[str, float]:
    """What a connection costs in which nothing changes, once it has loaded everything."""
    with ExitStack() as stack:
        every, followers = [], []
        for number in range(given.connections):
            addresses = stack.enter_context(sandboxes())
            every.append(Connection(folder / f"r{number}", chosen | addresses | FOLLOWING))
        stack.enter_context(workers(1, every, server.address))
        for each in every:  # one after the other, as they are installed
            name = each.folder.name
            followers.append(stack.enter_context(followed(each.folder, each.folder / name / "dagster_home")))
            wait_until(lambda name=name: asked_of(server.address, LOADED.format(name)) > 0)
        found = at_rest([each.pid for each in followers], server, given.seconds)
        return {name: value / given.connections for name, value in found.items()}


def together(given: argparse.Namespace, chosen: dict[str, str], server: Any, folder: Path) -> dict[str, float]:
    """What connections cost that are served together and in which nothing changes, once all have loaded everything."""
    os.environ |= chosen | FOLLOWING
    with served(answer_json, connections.reply) as url, ExitStack() as stack:
        connections.make(folder, given.connections, {}, together=connections.FULL)
        for own in sorted((folder / "connections").glob("*/.env")):  # an application user and a shop of its own
            addresses = connections.environment(f"{url}/{own.parent.name}") | {"WINBC_BC__USER": own.parent.name}
            own.write_text("".join(f"{name}='{value}'\n" for name, value in addresses.items()))
        stack.enter_context(running([*WINBC, "worker", "--slots", "2"], folder, "worker.log"))
        up = stack.enter_context(followed(folder, folder / ".winbc" / "default" / "dagster_home"))
        runs = FLOWS_ON * given.connections
        wait_until(lambda: asked_of(server.address, LOADED.format("default")) >= runs)
        return at_rest([up.pid], server, given.seconds)


def at_rest(pids: list[int], server: Any, seconds: int) -> dict[str, float]:
    """What these processes and PostgreSQL take together, while nothing changes for so many seconds."""
    time.sleep(SETTLES_S)
    spent, database, kept = sum(map(seconds_of, pids)), seconds_of(server.pid), asked_of(server.address, BYTES)
    before = asked_of(server.address, RUNS)
    time.sleep(seconds)
    hourly = 3600 / seconds
    return {
        "rest_mb": sum(megabytes(each) for pid in pids for each in family(pid)),
        "rest_postgres_mb": sum(map(megabytes, family(server.pid))),
        "rest_s_per_hour": (sum(map(seconds_of, pids)) - spent) * hourly,
        "rest_postgres_s_per_hour": (seconds_of(server.pid) - database) * hourly,
        "rest_sessions": asked_of(server.address, SESSIONS),
        "rest_kb_per_hour": (asked_of(server.address, BYTES) - kept) / 1024 * hourly,
        "runs": asked_of(server.address, RUNS) - before,
    }


@contextmanager
def sandboxes() -> Iterator[dict[str, str]]:
    """Empty systems in a process of their own; gives the settings of a connection between them."""
    from winbc_pipeline.sandbox.server import Addresses

    with subprocess.Popen([*WINBC, "sandbox", "serve", "--json"], stdout=subprocess.PIPE) as server:
        try:
            assert server.stdout is not None
            yield Addresses(**json.loads(server.stdout.readline())).environment()
        finally:
            server.kill()


@contextmanager
def followed(folder: Path, home: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`winbc up` in a folder until the block ends, once its dashboard answers.

    Args:
        home: where Dagster keeps its files for it.
    """
    command = [*WINBC, "up", "--foreground", "--port", str(postgres.free_port())]
    with running(command, folder, "up.log") as process:
        wait_until(lambda: is_up(home) or process.poll() is not None)
        assert process.poll() is None, (folder / "up.log").read_text()[-2000:]
        yield process


@contextmanager
def running(command: list[str], folder: Path, log: str) -> Iterator[subprocess.Popen[bytes]]:
    with (folder / log).open("wb") as file, subprocess.Popen(command, cwd=folder, stdout=file, stderr=file) as process:
        try:
            yield process
        finally:
            process.terminate()


def is_up(home: Path) -> bool:
    from winbc_pipeline.cli.setup import served

    known = served.read(home)
    return bool(known and known.served)


MEASURED = {"runs": speedup, "rest": rest, "together": together}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=[*MEASURED])
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--rows", type=int, default=3000)
    parser.add_argument("--workers", default="1,2")
    parser.add_argument("--seconds", type=int, default=120)
    given = parser.parse_args()
    with postgres.running() as server, redis_server.running() as redis, tempfile.TemporaryDirectory() as folder:
        chosen = {"WINBC_STATE__DATABASE": server.address, "WINBC_WORKERS__BROKER": redis.address}
        server.pid = server.process.pid
        found = MEASURED[given.what](given, chosen, server, Path(folder))
    print(json.dumps({"connections": given.connections} | {name: round(value, 2) for name, value in found.items()}))


if __name__ == "__main__":
    main()
