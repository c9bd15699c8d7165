"""What runs publish: moves without values of people, how a flow is, how far it is.

Source: docs/dashboard.md (What is published).
"""

import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from winbc_pipeline import clock
from winbc_pipeline.flows.orders import ORDERS_TO_BC
from winbc_pipeline.health import facts
from winbc_pipeline.health.facts import facts_of
from winbc_pipeline.health.publishing.progress import BELIEVED, at_work, shown
from winbc_pipeline.health.publishing.publish import publish
from winbc_pipeline.health.publishing.status import status_of
from winbc_pipeline.health.report import as_json, report, report_of_published
from winbc_pipeline.settings import Settings
from winbc_pipeline.staging import ledger
from winbc_pipeline.staging.ledger import Move, State
from winbc_pipeline.staging.lingering import lingering
from winbc_pipeline.staging.published import compaction, files
from winbc_pipeline.staging.published.outcomes import opened, rows_in
from winbc_pipeline.staging.store import rows_of
from winbc_pipeline.sync.connected import ConnectedFlow

from ..support.order_sandboxes import ADDRESS
from .conftest import Shop

PERSON = ("Anna", "Groen", ADDRESS["street"], ADDRESS["zip"], "anna@mail.example")


def moves(shop: Shop) -> list[dict[str, Any]]:
    with opened() as connection:
        rows = rows_in(files.outcome_files(shop.settings))
        return rows_of(connection, f"SELECT * FROM {rows} ORDER BY moment, part, key, state")


def by_file(shop: Shop) -> list[list[dict[str, Any]]]:
    with opened() as connection:
        return [rows_of(connection, f"FROM {rows_in([path])}") for path in files.outcome_files(shop.settings)]


def of_orders(shop: Shop) -> ConnectedFlow:
    return ConnectedFlow(ORDERS_TO_BC, shop.settings)


def test_a_run_publishes_each_record_that_it_moved(shop: Shop) -> None:
    shop.orders.order("W1")
    shop.fails("W2")
    shop.run()
    told = [(row["key"], row["state"], row["reason"]) for row in moves(shop) if row["is_main"]]
    assert told == [
        ("W1", "CONFIRMED", "TOTAL_DIFFERS"),
        ("W1", "SENDING", None),
        ("W2", "FAILED", "MAPPING"),
    ]


def test_nothing_of_a_person_is_published(shop: Shop) -> None:
    shop.orders.order("W1")
    shop.run()
    folder = files.folder(shop.settings)
    with opened() as connection:
        text = str(rows_of(connection, f"FROM {rows_in(files.outcome_files(shop.settings))}"))
    text += "".join(path.read_text() for path in folder.rglob("*.json"))
    assert "W1" in text
    assert [each for each in PERSON if each in text] == []


def test_what_was_read_looked_up_and_sent_is_published_with_its_codes_and_amounts(shop: Shop) -> None:
    shop.orders.order("W1")
    shop.run()
    done = next(row for row in moves(shop) if row["key"] == "W1" and row["state"] == "CONFIRMED")
    sent = next(row for row in moves(shop) if row["key"] == "W1" and row["state"] == "SENDING")
    assert "SKU-1" in done["read"][0] and "•••" in done["read"][0]
    assert "not there" in done["lookups"]
    assert '"externalDocumentNumber":"WS-W1"' in sent["sent"] and '"shipToCity":"•••"' in sent["sent"]


def test_a_second_run_publishes_only_what_is_new(shop: Shop) -> None:
    shop.orders.order("W1")
    shop.run()
    before = len(moves(shop))
    publish(of_orders(shop))
    assert len(moves(shop)) == before
    shop.orders.order("W2")
    shop.run()
    assert {row["key"] for row in moves(shop)[before:]} <= {"W2", "605254"}


def test_moves_of_a_flow_that_never_planned_or_read_anything_are_published(shop: Shop) -> None:
    shop.moves(State.FAILED, "W9", reason="MAPPING", message="said of {key}")
    publish(of_orders(shop))
    assert [(row["key"], row["message"], row["read"]) for row in moves(shop)] == [("W9", "said of W9", None)]


def test_the_mapping_folder_is_not_read_anew_for_each_field(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.orders.order("W1")
    shop.run()
    shutil.rmtree(files.folder(shop.settings))
    real, looks = ConnectedFlow.mapping_version, []

    def counted(connected: ConnectedFlow) -> str:
        looks.append(connected.flow.id)
        return real(connected)

    monkeypatch.setattr(ConnectedFlow, "mapping_version", counted)
    publish(of_orders(shop))
    assert moves(shop)
    assert len(looks) <= 3, "which fields are open, the version of the tables, their rows"


@pytest.mark.files
def test_how_a_flow_is_after_its_first_run_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is published, and the messages that are due, ask for the same."""
    connected = ConnectedFlow(ORDERS_TO_BC, Settings(data_folder=tmp_path))
    real, looks = facts._facts, []
    monkeypatch.setattr(facts, "_facts", lambda *given: looks.append(given) or real(*given))
    with lingering():
        ledger.move(connected.store, [Move("order", "W1", State.CONFIRMED)], "run")
        found = [facts_of(connected, clock.now()) for _ in range(2)]
    assert len(looks) == 1 and found[0] == found[1] and found[0].states == {"CONFIRMED": 1}


def test_a_kill_between_the_outcomes_and_the_status_publishes_nothing_twice(shop: Shop) -> None:
    shop.orders.order("W1")
    shop.run()
    before = moves(shop)
    files.status_file(shop.settings, ORDERS_TO_BC.id).unlink()
    publish(of_orders(shop))
    assert moves(shop) == before


def test_a_file_that_the_status_does_not_know_yet_is_not_put_together(shop: Shop) -> None:
    """The next run writes it anew with more rows: in another file as well they would count twice, or go with it."""
    for number in ("W1", "W2"):
        shop.orders.order(number)
        status = files.status_file(shop.settings, ORDERS_TO_BC.id)
        before = status.read_bytes() if status.exists() else b""
        shop.run()
        shop.orders.pass_time(60)
    status.write_bytes(before)  # as if the second run was killed between its file and the status
    compaction.compact(shop.settings, many=2)
    shop.orders.order("W3")
    shop.run()
    compaction.compact(shop.settings, many=1)
    done = [row["key"] for row in moves(shop) if row["is_main"] and row["state"] == "CONFIRMED"]
    assert sorted(done) == ["W1", "W2", "W3"]


def test_a_run_never_fails_because_nothing_can_be_published(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    shop.orders.order("W1")
    shop.settings.state_folder.mkdir(parents=True, exist_ok=True)
    files.folder(shop.settings).write_text("a file in the place of the folder")
    shop.run()
    assert shop.orders.ledger()["W1"]["state"] == State.CONFIRMED
    assert "Dashboard:" in caplog.text


def test_what_is_published_of_a_flow_is_what_its_ledger_says(shop: Shop) -> None:
    shop.fails("W2")
    shop.run()
    status = status_of(shop.settings, ORDERS_TO_BC.id)
    assert status is not None and status.facts == facts_of(of_orders(shop), shop.orders.now)


def test_the_published_report_is_the_report(shop: Shop) -> None:
    shop.fails("W2")
    shop.run()
    shop.orders.pass_time(60)
    known = as_json(report(shop.settings, shop.orders.now))
    assert as_json(report_of_published(shop.settings, shop.orders.now)) == known


def test_the_files_of_a_day_become_one_with_the_same_moves(shop: Shop) -> None:
    for number in ("W1", "W2"):
        shop.orders.order(number)
        shop.run()
        shop.orders.pass_time(60)
    before = moves(shop)
    assert len(files.outcome_files(shop.settings)) == 2
    compaction.compact(shop.settings, many=2)
    assert len(files.outcome_files(shop.settings)) == 1
    assert moves(shop) == before


def test_a_kill_after_a_days_file_was_made_counts_no_move_twice(shop: Shop) -> None:
    for number in ("W1", "W2"):
        shop.orders.order(number)
        shop.run()
        shop.orders.pass_time(60)
    before, left = moves(shop), [(path, path.read_bytes()) for path in files.outcome_files(shop.settings)]
    compaction.compact(shop.settings, many=2)
    for path, content in left:
        path.write_bytes(content)
    compaction.compact(shop.settings, many=2)
    assert moves(shop) == before


def test_the_runs_themselves_keep_the_files_of_a_day_few(shop: Shop) -> None:
    shop.orders.order("W1")
    shop.run()
    (first,) = files.outcome_files(shop.settings)
    for number in range(compaction.MANY - 2):
        shutil.copy(first, files.run_file(shop.settings, shop.orders.now.date(), "earlier", f"{number}"))
    shop.orders.order("W2")
    shop.run()
    (made,) = files.outcome_files(shop.settings)
    assert not files.is_of_run(made) and {"W1", "W2"} <= {row["key"] for row in moves(shop)}


def test_a_run_over_midnight_publishes_a_file_for_each_day(shop: Shop) -> None:
    shop.orders.order("W1")
    shop.orders.sync()
    shop.orders.pass_time(24 * 3600)
    shop.orders.order("W2")
    shop.run()
    assert sorted(len({row["moment"].date() for row in rows}) for rows in by_file(shop)) == [1, 1]


def test_the_days_of_a_week_that_is_over_become_one_file(shop: Shop) -> None:
    for number in ("W1", "W2"):
        shop.orders.order(number)
        shop.run()
        shop.orders.pass_time(24 * 3600)
    before = moves(shop)
    compaction.keep_young(shop.settings, shop.orders.now)
    assert len(files.outcome_files(shop.settings)) == 2
    compaction.keep_young(shop.settings, shop.orders.now + timedelta(days=7))
    assert len(files.outcome_files(shop.settings)) == 1
    assert moves(shop) == before


def test_outcomes_go_when_the_events_of_the_ledger_go(shop: Shop) -> None:
    """Source: docs/settings.md (`event_days`). A file may have several days."""
    begins = shop.orders.now
    for number in ("W1", "W2"):
        shop.orders.order(number)
        shop.run()
        shop.orders.pass_time(24 * 3600)
    kept = timedelta(days=shop.settings.event_days)
    left = []
    for days in (0, 1, 2):
        compaction.keep_young(shop.settings, begins + kept + timedelta(days=days))
        left.append({row["key"] for row in moves(shop) if row["is_main"]})
    assert left == [{"W1", "W2"}, {"W2"}, set()]


def test_a_run_at_work_is_shown_until_it_ends(shop: Shop) -> None:
    flow = ORDERS_TO_BC.id
    with shown(of_orders(shop), "synced", "run-7"):
        at = at_work(shop.settings, flow, shop.orders.now)
        assert at is not None and (at.layer, at.run) == ("synced", "run-7")
    assert at_work(shop.settings, flow, shop.orders.now) is None


def test_nobody_believes_the_file_of_a_killed_run(shop: Shop, tmp_path: Path) -> None:
    with shown(of_orders(shop)):
        later = shop.orders.now + BELIEVED
        assert at_work(shop.settings, ORDERS_TO_BC.id, later) is None
