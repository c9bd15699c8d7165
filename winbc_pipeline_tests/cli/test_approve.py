"""`winbc approve`, as a person meets it: held, shown, approved, sent."""

import io
import sys
from dataclasses import dataclass
from datetime import date

import pytest

from winbc_pipeline.sandbox import winstore

from ..support.sandboxes import Sandboxes
from ..support.servers import Servers
from .test_cli import run

pytestmark = pytest.mark.proof

FLOW = "products_winstore_to_bc"
STATUS = "order_status_bc_to_winstore"  # the sandbox has no orders
FIRST = date(2026, 3, 1)


@dataclass
class Desk:
    """Six new articles, of which a run may create five, and the commands."""

    sandboxes: Sandboxes
    servers: Servers
    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]

    def __call__(self, *arguments: str, answer: str = "") -> tuple[int, str]:
        self.monkeypatch.setattr(sys, "stdin", io.StringIO(f"{answer}\n"))
        return run(self.monkeypatch, self.capsys, *arguments)

    def writes(self) -> int:
        return len(self.sandboxes.bc()["writes"])


@pytest.fixture
def desk(
    sandboxes: Sandboxes, servers: Servers, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Desk:
    given = {"GUARDS__ENABLED": "true", "GUARDS__AT_LEAST": "5", "HISTORY_START": FIRST.isoformat()}
    given["MAPPING_FOLDER"] = str(sandboxes.settings.mapping_folder)
    for name, value in given.items():
        monkeypatch.setenv(f"WINBC_{name}", value)
    monkeypatch.setenv("COLUMNS", "300")
    sandboxes.fill(articles=[{"sku": f"S{n}", "article_key": str(n), "category": ""} for n in range(6)])
    return Desk(sandboxes, servers, monkeypatch, capsys)


def test_a_first_load_is_held_shown_approved_and_sent(desk: Desk) -> None:
    code, printed = desk("sync", "products")
    assert code == 1
    assert f"E-GUARD: {FLOW}: the plan has 6 records to create" in printed
    assert desk.writes() == 0

    code, printed = desk("approve", "products", answer="y")
    assert code == 0
    assert f"{FLOW} to 127.0.0.1/" in printed, "the target"
    assert "6 records to create, 0 to update; 0 are known. Without approval: 5 of each." in printed
    assert "S4" in printed
    assert f"The next run sends it: the sensor's, or `winbc sync {FLOW}`." in printed

    assert desk("sync", "products")[0] == 0
    assert desk.writes() == 6
    code, printed = desk("approve", "products", "--yes")
    assert code == 1
    assert printed.startswith(f"E-NOT-DONE: Nothing in the plan of {FLOW} waits for an approval.")


def test_a_dry_run_says_that_it_would_be_held_and_can_be_approved(desk: Desk) -> None:
    code, printed = desk("plan", "products")
    assert code == 0
    assert "nothing sent." in printed
    assert f"E-GUARD: {FLOW}: the plan has 6 records to create" in printed
    assert desk("approve", "products", "--yes")[0] == 0
    assert "E-GUARD" not in desk("plan", "products")[1]
    assert desk("sync", "products")[0] == 0


def test_who_says_no_approves_nothing(desk: Desk) -> None:
    desk("plan", "products")
    code, printed = desk("approve", "products", answer="n")
    assert code == 1
    assert "Nothing was approved." in printed
    assert desk("sync", "products")[0] == 1
    assert desk.writes() == 0


def test_a_source_that_became_empty_is_approved_by_itself(desk: Desk) -> None:
    desk("plan", "products")
    desk.servers.winstore.replace(winstore.create_app(None))
    code, printed = desk("sync", "products")
    assert code == 2
    assert f"E-SOURCE: {FLOW}: source gave 0 of 6 articles, nothing sent." in printed

    code, printed = desk("approve", "products", "--source", answer="y")
    assert code == 0
    assert f"The source of {FLOW} gave 0 records, and 6 before that." in printed
    assert "E-SOURCE" not in desk("sync", "products")[1]


def test_a_plan_that_writes_nothing_is_said_and_nobody_is_asked(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Source of the promise: docs/operations.md, Safe mode."""
    monkeypatch.setenv("WINBC_SAFE_MODE", "true")
    desk("plan", STATUS)
    code, printed = desk("approve", STATUS)
    assert (code, "writes nothing that waits for an approval" in printed) == (1, True), printed
    assert "[y/N]" not in printed
    assert desk("approve", STATUS, "--yes")[0] == 0
