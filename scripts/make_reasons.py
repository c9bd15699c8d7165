"""Writes the English words of reasons for the dashboard from docs/errors.md, which is where they are edited.

The dashboard has buttons where the page names commands. Run it after an edit of the tables of reasons; a test holds
both together.
"""

import json
import re
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
SOURCE = REPOSITORY / "docs" / "errors.md"
MADE = REPOSITORY / "winbc_pipeline" / "dashboard" / "words" / "en" / "reasons.toml"
HEAD = "# Made of docs/errors.md by scripts/make_reasons.py: edit that page.\n"
# Commands of the page, the longest first, and the button or page of the dashboard that does the same.
INSTEAD = (
    (r"`winbc retry[^`]*`", "“Retry”"),
    (
        r"`winbc resolve [^`]*--take winstore`, or `--take bc`",
        "“Take the source's values” or “Keep the target's values”",
    ),
    (r"`winbc resolve NUMBER` with `--resend`, `--adopt` or `--ignore`", "“Send again”, “Adopt” or “Ignore”"),
    (r"`winbc resolve --ignore`", "“Ignore”"),
    (r"`(winbc resolve )?[^`]*--adopt [A-Z]+`", "“Adopt”"),
    (r"`(winbc resolve [^`]*)?--resend`", "“Send again”"),
    (r"`(winbc resolve [^`]*)?--ignore \"[^`]*\"`", "“Ignore”"),
    (r"`(winbc resolve [^`]*)?--again`", "“Make it again”"),
    (r"`(winbc resolve [^`]*)?--apart`", "“Not the same”"),
    (r"`(winbc resolve [^`]*)?--not-there`", "“It is not in Winstore”"),
    (r"`(winbc resolve [^`]*)?--there`", "“It is in Winstore”"),
    (r"`winbc approve[^`]*`, which asks", "“Approve” on the page Plan"),
    (r"`winbc approve[^`]*`", "“Approve”"),
    (r"`winbc trace[^`]*`", "the record's page in Activity"),
    (
        r"`winbc records` and the record's page in Activity show its error message",
        "The record's page shows its message",
    ),
    (r"`winbc reconcile --repair`", "“Repair” on the page Reconciliation"),
    (r"`winbc plan`", "the page Plan"),
)
LINK = re.compile(r"\[([^\]]+)\]\([^)]+\)")
EMPHASIS = re.compile(r"[`*]([^`*]+)[`*]")
ASIDE = re.compile(r" \(\[(?:page|why|privacy|addresses)\]\([^)]+\)\)")


def reasons() -> dict[str, tuple[str, str]]:
    """Cause and fix of each reason code, as the dashboard says them."""
    rows = (line.strip("| ").split(" | ") for line in SOURCE.read_text(encoding="utf-8").splitlines())
    found = {row[0]: row[1:] for row in rows if row[0].isupper() and not row[0].startswith("E-") and len(row) == 3}
    return {code: (_for_pages(cause), _for_pages(fix)) for code, (cause, fix) in found.items()}


def made() -> str:
    """The file of the words."""
    sections = [f"\n[{code}]\ncause = {_text(cause)}\nfix = {_text(fix)}\n" for code, (cause, fix) in reasons().items()]
    return HEAD + "".join(sections)


def _for_pages(cell: str) -> str:
    text = LINK.sub(r"\1", ASIDE.sub("", cell))
    for command, instead in INSTEAD:
        text = re.sub(command, instead, text)
    return EMPHASIS.sub(r"\1", text)


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


if __name__ == "__main__":
    MADE.write_text(made(), encoding="utf-8")
