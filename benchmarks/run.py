"""Runs the benchmarks beside their peers, in turn, and prints one JSON line each: name, ours, peer, ratio, peak_rss_mb.

The peers get a virtual environment of their own from benchmarks/requirements.lock.
"""

import json
import statistics
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).parent
PEERS = HERE / ".venv"
RUNS = 3


def peers_python() -> str:
    python = PEERS / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    if not python.exists():
        venv.create(PEERS, with_pip=True)
        lock = str(HERE / "requirements.lock")
        subprocess.run([str(python), "-m", "pip", "install", "-q", "--require-hashes", "-r", lock], check=True)
    return str(python)


def measured(command: list[str]) -> dict[str, float]:
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    line: dict[str, float] = json.loads(output.strip().splitlines()[-1])
    return line


def extract() -> dict[str, object]:
    script = str(HERE / "extract.py")
    pairs = [
        (measured([sys.executable, script, "ours"]), measured([peers_python(), script, "dlt"])) for _ in range(RUNS)
    ]
    return {
        "name": "extract 200,000 customers, records/s, peer: dlt rest_api, merge, parquet",
        "ours": round(statistics.median(ours["rows"] / ours["seconds"] for ours, _ in pairs)),
        "peer": round(statistics.median(peer["rows"] / peer["seconds"] for _, peer in pairs)),
        "ratio": round(statistics.median(peer["seconds"] / ours["seconds"] for ours, peer in pairs), 2),
        "peak_rss_mb": max(ours["peak_rss_mb"] for ours, _ in pairs),
    }


def push() -> dict[str, object]:
    lines = [measured([sys.executable, str(HERE / "push.py")]) for _ in range(RUNS)]
    return {
        "name": "push 10,000 upserts by $batch, rows/s, peer: the ceiling of 2,000/s that the calls allow",
        "ours": round(statistics.median(line["rows_per_s"] for line in lines)),
        "peer": 2000,
        "ratio": statistics.median(line["share_of_ceiling"] for line in lines),
        "peak_rss_mb": max(line["peak_rss_mb"] for line in lines),
    }


for benchmark in (extract, push):
    print(json.dumps(benchmark()), flush=True)
