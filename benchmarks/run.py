"""Runs each benchmark in turn with its peer, and prints a JSON line for each: name, ours, peer, ratio, peak_rss_mb.

`ours` and `peer` are records per second, each the median of its runs. `ratio` is the median of the ratios of the pairs.
The peers run in a virtual environment of their own, which is made from benchmarks/requirements.lock.
"""

import json
import statistics
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).parent
PEERS = HERE / ".venv"
Figures = dict[str, float]


def peers_python() -> str:
    """The Python of the peers' environment, which is made when it is missing."""
    python = PEERS / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    if not python.exists():
        venv.create(PEERS, with_pip=True)
        lock = str(HERE / "requirements.lock")
        subprocess.run([str(python), "-m", "pip", "install", "-q", "--require-hashes", "-r", lock], check=True)
    return str(python)


def measured(python: str, script: str, tool: str, rows: int) -> Figures:
    """The figures that one run of a benchmark prints, and `rate`, its records per second."""
    command = [python, str(HERE / script), tool, "--rows", str(rows)]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    line: Figures = json.loads(output.strip().splitlines()[-1])
    return line | {"rate": line["rows"] / line["seconds"]}


def compare(name: str, script: str, peer: str, rows: int, peer_rows: int, runs: int, python: str = "") -> None:
    """Prints the line of one benchmark.

    Args:
        peer_rows: the rows of the peer; fewer than ours where it would need minutes.
        runs: how often ours and the peer run, in turn.
        python: the Python of the peer; empty: that of the peers' environment.
    """
    pairs = [
        (measured(sys.executable, script, "ours", rows), measured(python or peers_python(), script, peer, peer_rows))
        for _ in range(runs)
    ]
    assert all(ours.get("digest") == theirs.get("digest") for ours, theirs in pairs), "they made different records"
    line = {
        "name": name,
        "ours": round(statistics.median(ours["rate"] for ours, _ in pairs)),
        "peer": round(statistics.median(theirs["rate"] for _, theirs in pairs)),
        "ratio": round(statistics.median(ours["rate"] / theirs["rate"] for ours, theirs in pairs), 2),
        "peak_rss_mb": max(ours["peak_rss_mb"] for ours, _ in pairs),
        "peer_peak_rss_mb": max(theirs["peak_rss_mb"] for _, theirs in pairs),
    }
    for further in ("share_of_ceiling", "classify_seconds"):  # figures of some benchmarks only
        if further in pairs[0][0]:
            line[further] = statistics.median(ours[further] for ours, _ in pairs)
    print(json.dumps(line), flush=True)


def main() -> None:
    dlt = "dlt rest_api source, merge, parquet"
    compare(f"extract 200,000 customers; peer: {dlt}", "extract.py", "dlt", 200_000, 200_000, 5)
    compare(f"extract 1,000,000 customers; peer: {dlt}", "extract.py", "dlt", 1_000_000, 1_000_000, 1)
    compare("push 10,000 upserts; peer: drt-core, batches of 100", "push.py", "drt-batched", 10_000, 10_000, 3)
    compare("push 10,000 upserts; peer: drt-core, per record (500)", "push.py", "drt-per-record", 10_000, 500, 1)
    for peer in ("pydantic", "pandas"):
        mapping = f"mapping 1,000,000 records of 25 fields; peer: {peer} (200,000)"
        compare(mapping, "mapping.py", peer, 1_000_000, 200_000, 3, sys.executable)


if __name__ == "__main__":
    main()
