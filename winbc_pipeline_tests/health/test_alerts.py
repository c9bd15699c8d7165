"""What goes wrong reaches a person once, in words that are enough to act on, and so does that it is mended.

Source: test_catalogue.md, rows 105 to 112.
"""

import json
from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from winbc_pipeline.errors import AuthenticationFailed, SourceShrank, SystemUnavailable, TooManyWrites, UnreadableAnswer
from winbc_pipeline.health import channels
from winbc_pipeline.health.report import as_json, prometheus, report
from winbc_pipeline.staging.ledger import State
from winbc_pipeline.sync import crash_points
from winbc_pipeline.systems import transport

from ..support.in_process import Killed
from ..support.order_sandboxes import BC
from ..support.receivers import Receiver, mail_server, webhook
from .conftest import Shop

MINUTE, HOUR = 60, 3600
FIVE_FLOWS = (
    *("customers_winstore_to_bc", "products_winstore_to_bc", "orders_winstore_to_bc"),
    *("order_status_winstore_to_bc", "orders_bc_to_winstore"),
)
REFUSED = "not in lookup table tax_groups"


def test_an_order_that_fails_is_told_in_words_that_are_enough_to_act_on(shop: Shop) -> None:
    """Row 105."""
    shop.fails("W1")
    shop.run()
    (subject,), text = shop.receiver.subjects, shop.receiver.texts
    assert subject == "winbc default: orders_winstore_to_bc: 1 record not done: MAPPING"
    assert f"order W1: line W1/1, taxCode: {REFUSED}, given `77`" in text, "record, and what happened"
    assert "Why: A value breaks a rule of the mapping table." in text
    assert "`winbc retry --flow orders_winstore_to_bc --reason MAPPING`" in text, "the command"
    assert "docs/errors.md, MAPPING" in text
    assert (
        "http://127.0.0.1:3000/dagster/assets/synced/orders_winstore_to_bc?view=partitions&partition=2026-03-10" in text
    )


def test_what_is_told_is_not_told_again_by_the_next_looks_and_runs(shop: Shop) -> None:
    shop.fails("W1")
    shop.run()
    shop.flush(10)
    shop.run()
    shop.flush(10)
    assert len(shop.receiver.messages) == 1


def test_a_later_version_of_the_order_that_goes_through_resolves_its_problem(shop: Shop) -> None:
    """Row 108."""
    shop.fails("W1")
    shop.run()
    shop.orders.edit("W1", vatrate="21")
    shop.orders.pass_time(2 * HOUR - 1)
    shop.run()
    assert shop.receiver.subjects[1:] == [
        "winbc default: RESOLVED orders_winstore_to_bc: 1 record not done: MAPPING",
    ]
    assert "RESOLVED after 2 h 0 min, at 2026-03-10 12:00:00 UTC." in shop.receiver.texts


def test_a_problem_is_closed_when_its_last_record_is_done(shop: Shop) -> None:
    shop.moves(State.FAILED, "W1", "W2", reason="MAPPING", message=REFUSED)
    shop.flush()
    shop.moves(State.CONFIRMED, "W1")
    shop.flush(HOUR / 2)
    assert len(shop.receiver.messages) == 1, "W2 is still open"
    shop.moves(State.SKIPPED, "W2", reason="IGNORED")
    shop.flush(HOUR / 2)
    assert len(shop.receiver.messages) == 2
    assert "2 records not done" in shop.receiver.subjects[1]


def test_500_orders_with_one_cause_are_one_message_with_five_examples(shop: Shop) -> None:
    """Row 106."""
    numbers = [f"W{number:03}" for number in range(500)]
    shop.moves(State.FAILED, *numbers, reason="BC_REFUSED", message="Code: order {key} is refused")
    shop.flush()
    assert shop.receiver.subjects == ["winbc default: orders_winstore_to_bc: 500 records not done: BC_REFUSED"]
    assert [line for line in shop.receiver.texts.splitlines() if line.startswith("- order W")] == [
        f"- order W00{number}: Code (`winbc trace` shows the rest)" for number in range(5)
    ]
    assert (
        "The first 5 of 500 records (all: `winbc alerts records orders_winstore_to_bc --csv FILE`)"
        in shop.receiver.texts
    )


def test_two_causes_of_one_reason_are_two_problems(shop: Shop) -> None:
    shop.moves(State.FAILED, "W1", reason="MAPPING", message="line W1/1: not in lookup table tax_groups, given `77`")
    shop.moves(State.FAILED, "W2", reason="MAPPING", message="line W2/5: not in lookup table tax_groups, given `XX`")
    shop.moves(State.FAILED, "W3", reason="MAPPING", message="W3: required, given nothing")
    assert sorted(each.records for each in report(shop.settings, shop.orders.now).problems) == [1, 2]


def test_a_temporary_fault_is_told_after_five_minutes_only(shop: Shop) -> None:
    shop.loses("W1")
    shop.flush(4 * MINUTE)
    assert shop.receiver.messages == []
    shop.flush(MINUTE)
    assert len(shop.receiver.messages) == 1


def test_a_temporary_fault_that_passes_is_not_told_at_all(shop: Shop) -> None:
    shop.loses("W1")
    shop.flush(MINUTE)
    shop.moves(State.CONFIRMED, "W1")
    shop.flush(MINUTE)
    shop.flush(HOUR)
    assert shop.receiver.messages == []


def test_a_record_for_a_person_and_a_plan_for_approval_name_their_command(shop: Shop) -> None:
    shop.moves(State.NEEDS_HUMAN, "W1", reason="TRIED_OUT")
    shop.moves(State.PLANNED, "SKU1", reason="APPROVAL", flow="products_winstore_to_bc")
    shop.flush()
    assert "`winbc resolve W1 --flow orders_winstore_to_bc`" in shop.receiver.texts
    assert "`winbc approve products_winstore_to_bc`" in shop.receiver.texts


def test_credentials_that_stop_five_flows_are_one_message(shop: Shop) -> None:
    """Row 109."""
    shop.stops(AuthenticationFailed("Business Central refuses the credentials.", "Check user and secret."), *FIVE_FLOWS)
    shop.stops(SystemUnavailable("Business Central did not answer a moment ago.", ""), "stock_winstore_to_bc")
    shop.flush(10 * MINUTE)
    assert len(shop.receiver.messages) == 1
    assert "runs stop: E-AUTH (Business Central)" in shop.receiver.subjects[0]
    assert "Check user and secret. `winbc check` tells more." in shop.receiver.texts
    shop.flush(HOUR)
    assert f"It stops {', '.join(sorted(FIVE_FLOWS))}." in shop.receiver.messages[1][1], "the digest names them all"


def test_runs_that_come_to_their_end_again_resolve_it(shop: Shop) -> None:
    shop.stops(UnreadableAnswer("Winstore: the answer is no JSON."))
    assert "an answer is not as promised: E-ANSWER (Winstore)" in shop.receiver.subjects[0]
    shop.orders.pass_time(12 * MINUTE)
    shop.goes_on()
    assert "RESOLVED after 12 min" in shop.receiver.texts


def test_an_error_that_nobody_foresaw_is_told_without_its_text(shop: Shop) -> None:
    shop.stops(KeyError("Zacharias Canary"))
    assert "Something unexpected happened (KeyError)." in shop.receiver.texts
    assert "Canary" not in shop.receiver.texts


def test_a_receiver_that_fails_leaves_the_run_alone_and_gets_the_message_later(shop: Shop) -> None:
    """Row 110."""
    shop.receiver.status = 500
    shop.fails("W1")
    shop.run()
    assert shop.orders.ledger()["W1"]["state"] == "FAILED"
    assert report(shop.settings, shop.orders.now).outages[0].channel == "hook", "`winbc status` shows it"
    shop.receiver.status = 200
    assert shop.flush(10).waiting == 1, "a channel that failed rests"
    assert shop.flush(30).sent
    assert len(shop.receiver.messages) == 1
    assert report(shop.settings, shop.orders.now).outages == ()


def test_a_receiver_that_hangs_leaves_the_run_alone(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channels, "DEADLINE_S", 0.05)
    shop.receiver.hangs.clear()
    shop.fails("W1")
    shop.run()
    assert shop.orders.ledger()["W1"]["state"] == "FAILED"
    assert report(shop.settings, shop.orders.now).outages


def test_the_second_channel_gets_what_the_first_does_not_take(shop: Shop) -> None:
    with mail_server() as mail:
        shop.choose(urls={"hook": SecretStr(shop.receiver.url), "mail": SecretStr(mail.url)}, send=("hook", "mail"))
        shop.receiver.status = 503
        shop.fails("W1")
        shop.run()
        assert mail.subjects == ["winbc default: orders_winstore_to_bc: 1 record not done: MAPPING"]
        assert f"order W1: line W1/1, taxCode: {REFUSED}" in mail.texts


def test_a_run_that_dies_before_it_tells_leaves_that_to_the_next_look(shop: Shop) -> None:
    """Row 111: the problem was committed with the failure."""
    shop.fails("W1")
    shop.orders.sync()  # the process dies here, before the end of `watched`
    assert shop.receiver.messages == []
    shop.flush(10)
    shop.flush(10)
    shop.run()
    assert len(shop.receiver.messages) == 1


def test_a_process_that_dies_between_sending_and_noting_it_sends_that_once_more_at_most(shop: Shop) -> None:
    crash_points.armed["after alert"] = 1
    shop.moves(State.FAILED, "W1", reason="MAPPING")
    try:
        with pytest.raises(Killed):
            shop.flush()
    finally:
        crash_points.armed.clear()
    for _ in range(3):
        shop.flush(MINUTE)
    assert len(shop.receiver.messages) == 2


def test_the_service_outside_is_pinged_once_a_minute_and_not_while_nobody_can_be_told(shop: Shop) -> None:
    """Row 112: it alarms when the pings stop."""
    shop.choose(ping_url=SecretStr(shop.receiver.url.replace("json", "http")))
    shop.flush()
    shop.flush(15)
    assert shop.receiver.pings == 1
    shop.flush(45)
    assert shop.receiver.pings == 2
    shop.receiver.status = 500
    shop.moves(State.FAILED, "W1", reason="MAPPING")
    shop.flush(MINUTE)
    shop.flush(MINUTE)
    assert shop.receiver.pings == 2


@pytest.fixture
def second() -> Iterator[Receiver]:
    with webhook() as receiver:
        yield receiver


def test_routes_send_kinds_and_flows_to_their_own_channels(shop: Shop, second: Receiver) -> None:
    urls = {"it": SecretStr(shop.receiver.url), "shop": SecretStr(second.url)}
    shop.choose(urls=urls, send=("it",), routes=({"kinds": ["person"], "flows": [], "send": ["shop"]},))
    shop.moves(State.FAILED, "W1", reason="MAPPING")
    shop.moves(State.NEEDS_HUMAN, "W2", reason="TRIED_OUT")
    shop.flush()
    assert (len(shop.receiver.messages), len(second.messages)) == (1, 1)
    assert "1 record for a person: TRIED_OUT" in second.subjects[0]


def test_at_night_only_what_is_urgent_is_told_and_the_rest_in_the_morning(shop: Shop) -> None:
    shop.choose(quiet="11:00-12:00", urgent=("system",))  # it is 11:00 in Amsterdam
    shop.moves(State.FAILED, "W1", reason="MAPPING")
    shop.flush()
    assert shop.receiver.messages == []
    shop.stops(AuthenticationFailed("Winstore refuses the credentials."))
    assert len(shop.receiver.messages) == 1
    shop.flush(HOUR)
    assert "not done: MAPPING" in shop.receiver.subjects[1]


def test_nothing_that_a_person_is_known_by_leaves_the_ledger(shop: Shop) -> None:
    """Canaries in a key and in both systems' words."""
    words = "Application_DialogException: Zacharias Canary, Canary Street 7, is not allowed."
    shop.moves(State.FAILED, "zacharias@canary.example", reason="BC_REFUSED", message=words)
    shop.moves(
        State.FAILED, "W2", reason="WINSTORE_REFUSED", message="E7: Zacharias Canary", flow="orders_bc_to_winstore"
    )
    shop.flush()
    found = report(shop.settings, shop.orders.now)
    everything = shop.receiver.texts + prometheus(found) + json.dumps(as_json(found), default=str)
    assert "Application_DialogException" in everything
    assert "canary" not in everything.lower()
    assert "zacharias" not in everything.lower()


def test_without_channels_nothing_is_noted_and_no_run_waits(shop: Shop) -> None:
    shop.choose(urls={})
    shop.fails("W1")
    shop.run()
    assert shop.flush().sent == ()
    assert not (shop.settings.state_folder / "alerts.lock").exists()
    assert [each.name.reason for each in report(shop.settings, shop.orders.now).problems] == ["MAPPING"]


def test_answers_are_counted_by_status_for_all_processes(shop: Shop) -> None:
    """Row 114: the share of calls that Business Central refused for being one too many."""
    transport.calls.clear()
    shop.orders.order("W1")
    shop.orders.fault(BC, {"kind": "storm", "path": "$batch", "times": 2})
    shop.run()
    assert transport.calls == {}, "they were noted"
    figures = prometheus(report(shop.settings, shop.orders.now))
    assert 'winbc_calls_total{connection="default",status="429",system="Business Central"} 2.0' in figures


def shrank(count: int) -> SourceShrank:
    words = f"products_winstore_to_bc: source gave {count} of 60 articles, nothing sent."
    return SourceShrank(words, "If it is right, `winbc approve products_winstore_to_bc --source` lets it pass.")


def test_a_source_that_shrank_is_told_with_both_counts_and_one_command_and_resolved_in_the_same_words(
    shop: Shop,
) -> None:
    shop.stops(shrank(25), "products_winstore_to_bc")
    shop.orders.pass_time(MINUTE)
    shop.stops(shrank(24), "products_winstore_to_bc")  # the next read gives another count of the same trouble
    subject = "products_winstore_to_bc: source gave 25 of 60 articles, nothing sent"
    assert shop.receiver.subjects == [f"winbc default: {subject}"]
    assert shop.receiver.texts.count("winbc approve products_winstore_to_bc --source") == 1
    shop.goes_on("products_winstore_to_bc")
    assert shop.receiver.subjects[1:] == [f"winbc default: RESOLVED {subject}"]


def test_resolved_names_all_flows_of_the_alarm_also_those_that_went_on_before_the_others(shop: Shop) -> None:
    flows = ("orders_winstore_to_bc", "products_winstore_to_bc")
    shop.stops(AuthenticationFailed("Business Central refuses the credentials."), *flows)
    shop.flush(HOUR)
    for flow in flows:
        shop.goes_on(flow)
        shop.flush(MINUTE)
    alarm = f"{', '.join(flows)}: runs stop: E-AUTH (Business Central)"
    assert shop.receiver.subjects[1:] == [f"winbc default: still {alarm}", f"winbc default: RESOLVED {alarm}"]


def test_a_plan_that_is_held_has_come_past_the_guard_of_the_source(shop: Shop) -> None:
    """Else a command is named that finds nothing to approve."""
    shop.stops(shrank(25), "products_winstore_to_bc")
    shop.stops(TooManyWrites("The plan is held."), "products_winstore_to_bc")
    assert report(shop.settings, shop.orders.now).problems == ()
