"""A desk in a real browser: a red order mended, a mapping edited, two tabs, each role, a telephone."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pytest

from winbc_pipeline.dashboard.guard.access import Role
from winbc_pipeline.dashboard.guard.door import Door
from winbc_pipeline.flows.orders import ORDERS_TO_BC

from ..support.chromium import chromium
from ..support.dashboard import door_of
from ..support.order_sandboxes import LATER_SKU, OrderSandboxes, order_sandboxes, plain_tables
from ..support.served import served

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

T = TypeVar("T")
pytestmark = pytest.mark.proof

FLOW, TERMS, ORDER = ORDERS_TO_BC.id, "lookups/payment_terms.csv", f"{ORDERS_TO_BC.id}/order.csv"
PATHS = (
    "/todo",
    f"/plan?flow={FLOW}",
    "/mapping",
    f"/mapping/table?name={ORDER}",
    "/order?name=W1",
    "/reconcile",
    "/settings",
)
MORE = ("/overview", "/activity", f"/activity/{FLOW}/W1", f"/plan/approve?flow={FLOW}", "/stock", "/me", "/nowhere")
SERIOUS = ("serious", "critical")


@dataclass
class Desk:
    """A browser before a dashboard with a sent order (W1) and a red one (W2)."""

    browser: "Browser"
    orders: OrderSandboxes
    door: Door
    address: str

    def page(self, role: Role = "admin", path: str = "/todo", **options: object) -> "Page":
        """A page of a new person with a role."""
        page = self.browser.new_context(**options).new_page()  # type: ignore[arg-type]
        page.goto(f"{self.address}{path.partition('?')[0]}?token={self.door.access.tokens[role]}")
        page.goto(f"{self.address}{path}")
        return page

    def person(self, act: Callable[[], T]) -> T:
        """What a person does in one of the systems. Playwright's own loop runs in this thread, so it is another one."""
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(act).result()

    def table(self, name: str) -> Path:
        return self.orders.settings.mapping_folder / name


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("desk")
    with order_sandboxes(folder / "data", plain_tables(folder / "tables")) as orders:
        orders.order("W1")
        orders.order("W2", lines=[{"product_id": LATER_SKU}])
        orders.sync()
        door = door_of(orders.settings.state_folder, settings=orders.settings)
        with served(door) as address, chromium() as browser:  # from here on Playwright's loop runs in this thread
            yield Desk(browser, orders, door, address)


def test_a_red_order_is_mended_end_to_end(desk: Desk) -> None:
    page = desk.page("operate")
    assert page.get_by_role("heading", name="W2").is_visible()
    desk.person(lambda: desk.orders.has_item(LATER_SKU))
    page.get_by_role("button", name="Retry: W2").click()
    assert page.get_by_text("Nothing was sent so far").is_visible()
    page.keyboard.press("Enter")  # the button has the focus
    page.get_by_text("CONFIRMED").wait_for()
    assert len(desk.person(lambda: desk.orders.documents("W2"))) == 1
    page.get_by_role("link", name="Back to the list").click()
    assert page.get_by_text("Nothing waits for a person").is_visible()


def test_a_mistake_stands_at_its_cell_and_goes_when_it_is_mended(desk: Desk) -> None:
    page = desk.page(path=f"/mapping/table?name={ORDER}")
    page.locator("#verdict.good").wait_for()
    cell = page.locator('input[data-column="source"]').first
    before = cell.input_value()
    cell.fill("no_such_field")
    page.locator("#verdict.bad").wait_for()
    assert cell.get_attribute("aria-invalid") == "true"
    words = page.locator(f"#{cell.get_attribute('aria-describedby')}").text_content()
    assert words and "no_such_field" in words
    assert page.get_by_text("row 2, source:").is_visible()  # row 1 has the names of the columns
    cell.fill(before)
    page.locator("#verdict.good").wait_for()
    assert cell.get_attribute("aria-invalid") is None


def test_a_row_is_added_by_keyboard_saved_and_seen_in_the_history(desk: Desk) -> None:
    page = desk.page(path=f"/mapping/table?name={TERMS}")
    page.locator('input[data-column="source_value"]').last.focus()
    page.keyboard.press("Alt+Insert")
    page.keyboard.type("WEEKLY")
    page.keyboard.press("Tab")
    page.keyboard.type("14 DAYS")
    page.locator("#verdict.good").wait_for()
    page.get_by_role("button", name="Save").click()
    assert page.get_by_text("Saved. The next run maps with it.").is_visible()
    assert desk.table(TERMS).read_bytes().endswith(b"WEEKLY,14 DAYS,\n")
    page.get_by_role("button", name="History").click()
    page.get_by_text("outside the dashboard").wait_for()


def test_two_tabs_and_a_spreadsheet_never_write_over_each_other(desk: Desk) -> None:
    first, second = (desk.page(path=f"/mapping/table?name={TERMS}") for _ in range(2))
    for page, value in ((first, "FIRST"), (second, "SECOND")):
        page.get_by_role("button", name="Add a row", exact=True).click()
        page.keyboard.type(value)
        page.keyboard.press("Tab")
        page.keyboard.type("14 DAYS")
        page.get_by_role("button", name="Save").click()
    assert second.get_by_text("edited by somebody else").is_visible()
    assert second.get_by_text("SECOND").is_visible() and second.get_by_text("FIRST").is_visible()
    assert b"FIRST" in desk.table(TERMS).read_bytes() and b"SECOND" not in desk.table(TERMS).read_bytes()


def test_a_record_is_seen_before_and_after_an_edit(desk: Desk) -> None:
    page = desk.page(path=f"/mapping/table?name={ORDER}")
    row = page.locator("tr", has=page.locator('input[value="shipToCity"]')).first
    row.locator('input[data-column="source"]').fill("'Zeist'")
    page.locator("#verdict.good").wait_for()
    page.get_by_label("Record", exact=True).fill("W1")
    page.get_by_label("Show people's values").check()
    page.get_by_role("button", name="On records").click()
    changed = page.locator("tr.changed", has_text="shipToCity")
    changed.wait_for()
    assert "Utrecht" in changed.inner_text() and "Zeist" in changed.inner_text()


def test_a_page_that_was_open_goes_on_after_a_restart(desk: Desk) -> None:
    page, settings = desk.page("operate"), desk.orders.settings
    with served(door_of(settings.state_folder, settings=settings)) as address:
        page.goto(f"{address}/todo")
        assert page.get_by_role("heading", name="To do").is_visible()


@pytest.mark.parametrize("role", ["view", "operate", "admin"])
def test_each_role_sees_the_buttons_that_it_may_press(desk: Desk, role: Role) -> None:
    grid = desk.page(role, f"/mapping/table?name={TERMS}")
    assert grid.get_by_role("button", name="Save").count() == (role == "admin")
    settings = desk.page(role, "/settings")
    assert (settings.get_by_role("button", name="Check now").count() == 1) is (role != "view")


@pytest.mark.parametrize(("locale", "width", "scheme"), [("en-GB", 1280, "light"), ("nl-NL", 390, "dark")])
def test_axe_finds_nothing_serious_on_any_page_in_any_language(
    desk: Desk, locale: str, width: int, scheme: str
) -> None:
    """Source: WCAG 2.1 level AA as axe-core checks it."""
    axe = pytest.importorskip("axe_playwright_python", reason="axe-core is not installed: nothing was checked")
    script = Path(str(resources.files(axe).joinpath("axe.min.js"))).read_text(encoding="utf-8")
    page = desk.page(locale=locale, viewport={"width": width, "height": 900}, color_scheme=scheme)
    serious = {}
    for path in (*PATHS, *MORE):
        page.goto(f"{desk.address}{path}")
        assert page.locator("html").get_attribute("lang") == locale
        found = page.evaluate(f"() => {{ {script}; return axe.run(); }}")["violations"]
        serious[path] = [(each["id"], each["nodes"][0]["html"]) for each in found if each["impact"] in SERIOUS]
    assert {path: found for path, found in serious.items() if found} == {}


@pytest.mark.parametrize("path", PATHS)
def test_no_page_is_wider_than_a_telephone_and_none_breaks_the_policy(desk: Desk, path: str) -> None:
    page = desk.page(path=path, viewport={"width": 390, "height": 800}, color_scheme="dark")
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.reload()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    entries = "[...document.querySelectorAll('.top nav a')]"
    assert page.evaluate(f"{entries}.every(each => each.getBoundingClientRect().right <= innerWidth)"), "hidden entries"
    assert [text for text in said if "Content Security Policy" in text or "Error" in text] == []
