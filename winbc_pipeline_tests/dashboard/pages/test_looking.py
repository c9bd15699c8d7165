"""What pages that only show open, and what they have when nobody may open it. Source: docs/dashboard.md (While a run
works)."""

from pathlib import Path
from typing import Any

import pytest

from winbc_pipeline.flows.orders import ORDERS_TO_BC
from winbc_pipeline.health.publishing.progress import shown as at_work
from winbc_pipeline.staging import looking
from winbc_pipeline.staging.people import encryption
from winbc_pipeline.staging.store import Store
from winbc_pipeline.sync.connected import ConnectedFlow

from ...support.kept_open import let_go
from ...support.order_sandboxes import order_sandboxes
from ..test_desk import LATER_SKU
from ..test_mapping import grid
from .conftest import Shown, with_a_day

FLOW = ORDERS_TO_BC.id
HUGE = "9" * 5000  # more digits than Python makes a number of
LOOKING = ("/todo", f"/plan?flow={FLOW}", f"/plan/csv?flow={FLOW}", f"/plan/approve?flow={FLOW}", "/order?name=W1")


def test_what_is_done_by_now_is_not_among_what_was_published_to_wait(shown: Shown) -> None:
    shown.orders.order("W1", lines=[{"product_id": LATER_SKU}])
    shown.run()
    connected = ConnectedFlow(ORDERS_TO_BC, shown.orders.settings)
    with at_work(connected):
        assert ">W1 <" in shown.browser().get("/todo").text
    shown.orders.has_item(LATER_SKU)
    shown.run()
    with at_work(connected):
        assert ">W1 <" not in shown.browser().get("/todo").text


def test_to_do_opens_only_a_flow_whose_last_run_left_something(shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    shown.orders.order("W1")
    shown.run()
    monkeypatch.setattr(Store, "open", lambda *_, **__: pytest.fail("a database was opened"))
    assert shown.browser().get("/todo").status_code == 200


@pytest.mark.files
def test_pages_that_only_show_open_files_to_read_them_only(
    tmp_path: Path, tables: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_go()
    with order_sandboxes(tmp_path, tables, on_disk=True) as orders:
        client = with_a_day(Shown(orders)).browser("operate")
        files = {path: path.read_bytes() for path in orders.settings.state_folder.glob("*.duckdb*")}
        monkeypatch.setattr(encryption, "connect", lambda *_: pytest.fail("a file was opened to be changed"))
        pages = {path: client.get(path) for path in LOOKING}
        assert {path: answer.status_code for path, answer in pages.items()} == dict.fromkeys(pages, 200)
        assert "W2" in pages["/todo"].text and "W2" in pages[LOOKING[1]].text
        assert {path: path.read_bytes() for path in orders.settings.state_folder.glob("*.duckdb*")} == files


@pytest.mark.parametrize("path", [f"/plan?flow={FLOW}&page={HUGE}", f"/activity?offset={HUGE}", "/plan?page=-1"])
def test_a_page_beyond_all_pages_is_an_empty_page(shown: Shown, path: str) -> None:
    assert shown.browser().get(path).status_code == 200


@pytest.mark.files
@pytest.mark.parametrize("part", ["records", "impact"])
def test_an_edit_is_tried_without_opening_the_flows_database_to_change_it(
    tmp_path: Path, tables: Path, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    let_go()
    with order_sandboxes(tmp_path, tables, on_disk=True) as orders:
        client = with_a_day(Shown(orders)).browser("admin")
        database, real = orders.settings.flow_database(FLOW), encryption.connect
        before = database.read_bytes()

        def connect(path: Path, config: Any) -> Any:
            assert path != database, "it was opened to be changed"
            return real(path, config)

        monkeypatch.setattr(encryption, "connect", connect)
        monkeypatch.setattr(looking, "HOLD_S", 30)  # a slow machine fails no test
        answer = client.post(f"/mapping/{part}", data=grid(client, f"{FLOW}/order.csv") | {"flow": FLOW})
        assert answer.status_code == 200 and "order" in answer.text
        assert database.read_bytes() == before
