"""Pages that look into a flow's database, and runs. Source: docs/dashboard.md (While a run works)."""

from collections.abc import Iterator
from html import unescape
from typing import NoReturn

import pytest
from starlette.testclient import TestClient

from winbc_pipeline.dashboard.words import words_of
from winbc_pipeline.flows.orders import ORDERS_TO_BC
from winbc_pipeline.health.publishing.progress import shown as at_work
from winbc_pipeline.staging.store import Store
from winbc_pipeline.sync.connected import ConnectedFlow

from ..test_mapping import grid
from .conftest import Shown

EN, FLOW = words_of("en"), ORDERS_TO_BC.id
LOOKING = (f"/plan?flow={FLOW}", f"/plan/csv?flow={FLOW}", f"/plan/approve?flow={FLOW}", "/order?name=W1")


def connected(shown: Shown) -> ConnectedFlow:
    return ConnectedFlow(ORDERS_TO_BC, shown.orders.settings)


@pytest.fixture
def no_database(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever opens a database fails."""

    def opened(*_: object, **__: object) -> NoReturn:
        raise AssertionError("a database was opened")

    monkeypatch.setattr(Store, "open", opened)


@pytest.fixture
def client(seen_day: Shown, no_database: None) -> Iterator[TestClient]:
    """A browser while a run of orders is at work."""
    with at_work(connected(seen_day), "planned"):
        yield seen_day.browser("operate")


@pytest.mark.parametrize("path", LOOKING)
def test_while_a_run_is_at_work_no_page_opens_its_database_and_the_page_says_what_the_run_does(
    client: TestClient, path: str
) -> None:
    answer = client.get(path)
    text = unescape(answer.text)
    assert answer.status_code == 503 and EN("desk.at_work") in text and EN("overview.layer_planned") in text
    assert f'href="/activity?flow={FLOW}"' in text


def test_a_page_that_waits_for_a_run_comes_when_the_run_has_ended(seen_day: Shown) -> None:
    client = seen_day.browser()
    with at_work(connected(seen_day)):
        assert f'hx-get="/work/run?flow={FLOW}"' in client.get(LOOKING[0]).text
        assert "hx-refresh" not in client.get(f"/work/run?flow={FLOW}").headers
    assert client.get(f"/work/run?flow={FLOW}").headers["hx-refresh"] == "true"
    assert client.get(LOOKING[0]).status_code == 200


def test_while_a_run_is_at_work_to_do_has_what_runs_published(client: TestClient) -> None:
    page = unescape(client.get("/todo").text)
    assert EN("desk.as_published") in page
    assert ">W2 <" in page and "not in lookup table" in page and 'value="retry"' in page and ">W1 <" not in page
    assert ">W2 <" in client.get("/todo?reason=MAPPING&text=w2").text
    assert ">W2 <" not in client.get("/todo?reason=TOTAL").text and ">W2 <" not in client.get("/todo?text=W3").text


@pytest.mark.parametrize("part", ["records", "impact"])
def test_while_a_run_is_at_work_an_edit_is_tried_on_nothing(seen_day: Shown, no_database: None, part: str) -> None:
    client = seen_day.browser("admin")
    form = grid(client, f"{FLOW}/order.csv") | {"flow": FLOW}
    with at_work(connected(seen_day)):
        assert client.post(f"/mapping/{part}", data=form).status_code == 503
