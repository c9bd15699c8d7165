"""The overview: each flow's card, what needs a person, both systems, live. Source: docs/dashboard.md."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

from winbc_pipeline.errors import SystemUnavailable
from winbc_pipeline.flows.orders import ORDERS_TO_BC
from winbc_pipeline.health import store
from winbc_pipeline.health.publishing.progress import shown as showing
from winbc_pipeline.health.store import Outage
from winbc_pipeline.settings import Settings
from winbc_pipeline.staging.notes import polls
from winbc_pipeline.staging.published import files
from winbc_pipeline.sync.connected import ConnectedFlow

from ...support.dashboard import browser, door_of
from ...support.published_days import fill
from .conftest import Shown


def card(text: str, flow: str = ORDERS_TO_BC.id) -> str:
    """The card of a flow, without marks."""
    found = re.search(rf'<article class="card" aria-labelledby="flow-{flow}">(.*?)</article>', text, re.DOTALL)
    assert found
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", found[1]))


def test_a_card_counts_what_became_of_todays_records(day: Shown) -> None:
    words = card(day.browser().get("/overview").text)
    assert "read 2 created 1 updated 0 skipped 0 failed 1" in words
    assert "27.83" in words


def test_a_day_later_today_begins_at_zero_and_the_day_before_stands_in_the_table(day: Shown) -> None:
    day.orders.pass_time(24 * 3600)
    words = card(day.browser().get("/overview").text)
    assert "read 0 created 0" in words and "10 Mar 2026 2 1 0 0 1" in words


def test_a_record_that_was_mended_the_same_day_counts_once(day: Shown) -> None:
    day.orders.pass_time(60)
    day.orders.order("W2")
    day.run()
    assert "read 2 created 2 updated 0 skipped 0 failed 0" in card(day.browser().get("/overview").text)


@pytest.mark.proof
def test_thirty_days_stand_as_bars_and_todays_amounts_by_currency(tmp_path: Path) -> None:
    """By support/published_days.py: of today's six orders one is skipped; every fourth is in dollars."""
    settings, now = Settings(data_folder=tmp_path), datetime(2026, 11, 29, 12, tzinfo=UTC)
    fill(settings, now)
    text = browser(door_of(tmp_path, now=lambda: now, settings=settings)).get("/overview").text
    (own,) = re.findall(rf'<article class="card" aria-labelledby="flow-{ORDERS_TO_BC.id}">(.*?)</article>', text, re.S)
    assert (own.count('class="base"'), own.count('class="bar"')) == (30, 30)
    words = card(text)
    assert "read 6 created 3 updated 2 skipped 1 failed 0" in words
    assert "110.80 in the company&#39;s own currency · US$24.95 in documents of today" in words


def test_what_needs_a_person_stands_first_with_its_fix_its_records_and_the_page_that_mends_it(day: Shown) -> None:
    text = day.browser().get("/overview").text
    assert text.index("MAPPING") < text.index('id="flows"')
    assert f'href="/activity/{ORDERS_TO_BC.id}/W2"' in text
    assert f'href="/todo?flow={ORDERS_TO_BC.id}&amp;reason=MAPPING"' in text and "Mend it in To do" in text
    assert "Orders, Winstore to Business Central: 1 record not done (MAPPING)" in text
    assert "A value breaks a rule of the mapping table" in text and "`winbc" not in text


def test_a_system_that_does_not_answer_is_named(day: Shown) -> None:
    polls.failed(day.orders.settings, ORDERS_TO_BC.id, SystemUnavailable("No route to Winstore.", system="Winstore"))
    day.orders.settings = day.orders.settings.model_copy(update={"sensors": True})
    assert "does not answer" in day.browser().get("/overview").text


def test_a_channel_of_alerts_that_is_down_has_a_banner(day: Shown) -> None:
    now, settings = day.orders.now, day.orders.settings
    alerts = settings.alerts.model_copy(update={"urls": {"mail": SecretStr("json://127.0.0.1:9")}})
    day.orders.settings = settings.model_copy(update={"alerts": alerts})
    store.remember(settings, {}, [Outage("mail", now, now, 1)])
    assert "The alert channel mail takes no messages" in day.browser().get("/overview").text


def test_a_run_at_work_shows_its_layer(day: Shown) -> None:
    with showing(ConnectedFlow(ORDERS_TO_BC, day.orders.settings), "synced"):
        assert "At work: sends" in card(day.browser().get("/overview").text)


def test_a_run_at_work_tells_how_many_records_it_has_moved(day: Shown) -> None:
    settings = day.orders.settings
    moves = {"since": day.orders.now, "at": day.orders.now, "layer": "synced", "run": "", "moves": {"CONFIRMED": 7}}
    files.write(files.progress_file(settings, ORDERS_TO_BC.id), {"flow": ORDERS_TO_BC.id} | moves)
    assert "7 CONFIRMED" in card(day.browser().get("/overview").text)


def test_nothing_is_sent_to_a_browser_that_has_it_already(day: Shown) -> None:
    client = day.browser()
    address = re.search(r'hx-get="([^"]+)"', client.get("/overview").text)
    assert address and client.get(address[1]).status_code == 204
    day.orders.order("W3")
    day.run()
    assert client.get(address[1]).status_code == 200


def test_the_overview_speaks_dutch_and_writes_dutch_amounts(day: Shown) -> None:
    text = day.browser(language="nl").get("/overview").text
    assert "Overzicht" in text and "27,83" in text and "mislukt" in text
    assert "1 record niet gelukt (MAPPING)" in text and "Oplossen bij Te doen" in text


def test_the_overview_of_a_connection_that_never_ran_says_so(shown: Shown) -> None:
    assert "Nothing was sent yet." in shown.browser().get("/overview").text
