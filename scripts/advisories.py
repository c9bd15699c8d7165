"""Which pinned libraries have known weaknesses: asks the sources that pip-audit knows, one after the other.

    python scripts/advisories.py PIP_AUDIT [requirements.lock]

Prints one line for each weakness. Exit codes: 0 none is known, 1 some are, 2 NOT CHECKED, because no source answered.
`make advisories` installs pip-audit in a venv of its own.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

LOCK = Path(__file__).parents[1] / "requirements.lock"
SOURCES = ("pypi", "osv")
MINUTES = 10


def main(pip_audit: str, lock: str = str(LOCK)) -> int:
    """Asks, prints, and returns the exit code."""
    for source in SOURCES:
        found = _asked(pip_audit, lock, source)
        passed_over = [library["name"] for library in found or () if "skip_reason" in library]
        if not found or len(passed_over) == len(found):  # a mirror answers, and knows no library
            print(f"{source} did not answer.")
            continue
        weak = [library for library in found if library.get("vulns")]
        for library in weak:
            names = ", ".join(each["id"] for each in library["vulns"])
            fixed = sorted({version for each in library["vulns"] for version in each.get("fix_versions", ())})
            print(f"{library['name']} {library['version']}: {names}; mended in {', '.join(fixed) or 'no version yet'}")
        if passed_over:
            print(f"NOT CHECKED: {', '.join(passed_over)}")
        print(f"{len(found) - len(passed_over)} libraries checked at {source}: {len(weak)} with known weaknesses.")
        return 1 if weak else 2 if passed_over else 0
    print("NOT CHECKED: no source of advisories can be reached from here.")
    return 2


def _asked(pip_audit: str, lock: str, source: str) -> list[dict[str, Any]] | None:
    """What a source says of each library; None when it did not answer."""
    options = ["-r", lock, "--disable-pip", "--require-hashes", "-f", "json", "-s", source, "--progress-spinner", "off"]
    try:
        done = subprocess.run([pip_audit, *options], capture_output=True, text=True, timeout=60 * MINUTES, check=False)
        return json.loads(done.stdout)["dependencies"]
    except (OSError, subprocess.TimeoutExpired, ValueError, KeyError):
        return None


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
