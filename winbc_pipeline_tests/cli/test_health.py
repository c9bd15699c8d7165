"""`winbc status`, `winbc metrics` and `winbc alerts`: exit codes and what they print.

Source: issue "Late is computed, not guessed"; docs/operations.md.
"""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from winbc_pipeline.cli.main import main
from winbc_pipeline.flows import FLOWS, flow_named
from winbc_pipeline.health import facts
from winbc_pipeline.settings import Settings
from winbc_pipeline.staging import ledger
from winbc_pipeline.staging.ledger import Move, State
from winbc_pipeline.staging.notes import polls
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.sync.session import lease

from ..support.receivers import Receiver, webhook

Run = Callable[..., tuple[int, str]]


def settings() -> Settings:
    return Settings(data_folder=Path(".winbc"))


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Runs a command in a folder whose sensors are on and have just been answered; exit code and what it printed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(facts, "_read", {})  # by a path in the folder: that of the test before was another one
    (tmp_path / "winbc.toml").write_text("sensors = true\n")
    for flow in FLOWS:
        polls.answered(settings(), flow.id)

    def command(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["winbc", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0), capsys.readouterr().out

    return command


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    with webhook() as receiver:
        monkeypatch.setenv("WINBC_ALERTS__URLS__HOOK", receiver.url)
        yield receiver


def fails(order: str = "=W1", reason: str = "MAPPING") -> None:
    connected = ConnectedFlow(flow_named("orders_winstore_to_bc"), settings())
    with lease(connected):
        ledger.move(connected.store, [Move("order", order, State.FAILED, {"reason": reason})], "run")


def test_the_exit_code_says_fine_failed_or_late(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    code, printed = run("status", "--json")
    assert (code, json.loads(printed)["exit_code"]) == (0, 0)
    fails()
    code, printed = run("status", "--json")
    assert (code, json.loads(printed)["problems"][0]["reason"]) == (1, "MAPPING")
    monkeypatch.setenv("WINBC_LATE__POLL_SECONDS", "1")
    monkeypatch.setenv("WINBC_LATE__LAG_MINUTES", "1")
    for flow in FLOWS:
        (Path(".winbc/default/polls") / f"{flow.id}.json").unlink()
    assert run("status")[0] == 2


def test_status_names_the_first_records_of_a_problem_and_says_that_nobody_asks(run: Run) -> None:
    fails("W1")
    for flow in FLOWS:
        (Path(".winbc/default/polls") / f"{flow.id}.json").unlink()
    printed = " ".join(run("status")[1].split())
    assert "- order W1" in printed
    assert "Nobody asks: is `winbc up` running?" in printed


def test_alerts_flush_sends_by_itself_and_says_when_nobody_takes_it(run: Run, receiver: Receiver) -> None:
    """Daemon and UI need not live: cron is enough."""
    fails()
    subject = "winbc default: orders_winstore_to_bc: 1 record not done: MAPPING"
    assert run("alerts", "flush") == (0, f"Sent: {subject}\n")
    assert receiver.subjects == [subject]
    fails("W2", "BAD_VALUE")
    receiver.status = 500
    assert run("alerts", "flush")[0] == 1
    receiver.status = 200
    assert run("alerts", "test") == (0, "ok      hook\n")


def test_alerts_records_writes_all_records_for_a_spreadsheet(run: Run) -> None:
    fails()
    run("alerts", "records", "--csv", "all.csv")
    header, row = Path("all.csv").read_text(encoding="utf-8-sig").splitlines()
    assert header == "flow,record,part,kind,reason,since,window"
    assert row.startswith("orders_winstore_to_bc,'=W1,order,failed,MAPPING,20"), "it cannot be taken for a formula"


def test_metrics_go_to_a_file_as_a_whole(run: Run) -> None:
    run("metrics", "--file", "winbc.prom")
    assert 'winbc_late{connection="default",flow="orders_winstore_to_bc"} 0.0' in Path("winbc.prom").read_text()


def test_a_channel_without_an_address_is_a_wrong_setting(run: Run, tmp_path: Path) -> None:
    (tmp_path / "winbc.toml").write_text('[alerts]\nsend = ["mail"]\n')
    code, printed = run("status")
    assert code == 3
    assert "no channel mail. Set WINBC_ALERTS__URLS__MAIL" in " ".join(printed.split())
