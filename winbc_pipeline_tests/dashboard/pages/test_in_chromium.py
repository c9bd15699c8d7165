"""Overview and activity in a real browser: usable by keyboard and screen reader, narrow and wide, dark and light.

Source: docs/dashboard.md; WCAG 2.1 level AA as axe-core checks it.
"""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import uvicorn

from winbc_pipeline import clock
from winbc_pipeline.settings import Settings

from ...support.chromium import chromium
from ...support.dashboard import door_of
from ...support.published_days import HOSTILE, fill

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.proof
SERIOUS = ("serious", "critical")
ORDERS = "orders_winstore_to_bc"


@contextmanager
def served(app: Any) -> Iterator[str]:
    """The address of an application on loopback until the block ends."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The start address of a dashboard of thirty days."""
    folder = tmp_path_factory.mktemp("days")
    settings = Settings(data_folder=folder)
    fill(settings, clock.now())
    door = door_of(folder, settings=settings)
    with served(door) as address:
        yield f"{address}/?token={door.access.tokens['operate']}"


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    with chromium() as opened:
        yield opened


@contextmanager
def page_of(browser: "Browser", start: str, width: int = 1280, scheme: Any = "light") -> Iterator["Page"]:
    """A logged-in page that may reach the dashboard only."""
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, locale="en-GB", reduced_motion="reduce"
    )
    page = context.new_page()
    page.goto(start)
    yield page
    context.close()


def visit(page: "Page", start: str, path: str) -> None:
    page.goto(start.partition("/?")[0] + path)


@pytest.mark.parametrize("path", ["/overview", "/activity", f"/activity/{ORDERS}/{HOSTILE}"])
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_axe_finds_nothing_serious_and_nothing_is_wider_than_the_screen(
    browser: "Browser", start: str, path: str, width: int, scheme: str
) -> None:
    axe = pytest.importorskip("axe_playwright_python", reason="axe-core is not installed: nothing was checked")
    script = Path(str(resources.files(axe).joinpath("axe.min.js"))).read_text(encoding="utf-8")
    with page_of(browser, start, width, scheme) as page:
        visit(page, start, path)
        found = page.evaluate(f"() => {{ {script}; return axe.run(); }}")
        serious = [each for each in found["violations"] if each["impact"] in SERIOUS]
        assert [(each["id"], each["nodes"][0]["html"]) for each in serious] == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_no_script_of_a_hostile_name_runs_and_nothing_outside_is_asked(browser: "Browser", start: str) -> None:
    with page_of(browser, start) as page:
        said, asked = list[str](), list[str]()
        page.on("dialog", lambda dialog: (said.append(dialog.message), dialog.dismiss()))
        page.on("request", lambda request: asked.append(request.url))
        for path in ("/overview", "/activity", f"/activity/{ORDERS}/{HOSTILE}"):
            visit(page, start, path)
        assert said == []
        assert {url.split("/")[2] for url in asked} == {start.split("/")[2]}


def test_an_open_overview_asks_again_and_stays_as_it_is_while_nothing_changes(browser: "Browser", start: str) -> None:
    with page_of(browser, start) as page:
        visit(page, start, "/overview")
        before = page.locator("#live").get_attribute("hx-get")
        with page.expect_response(lambda answer: "/overview/live" in answer.url) as answered:
            pass
        assert answered.value.status == 204
        assert page.locator("#live").get_attribute("hx-get") == before


def test_a_page_says_that_the_dashboard_does_not_answer_until_it_answers_again(browser: "Browser", start: str) -> None:
    with page_of(browser, start) as page:
        visit(page, start, "/overview")
        silent = page.get_by_text("The dashboard does not answer.")
        assert not silent.is_visible()
        page.context.set_offline(True)
        silent.wait_for()
        page.context.set_offline(False)
        silent.wait_for(state="hidden")


def test_a_filter_and_a_story_are_reached_by_keyboard(browser: "Browser", start: str) -> None:
    with page_of(browser, start) as page:
        visit(page, start, "/activity")
        page.locator("#text").focus()
        page.keyboard.type("onerror")
        page.keyboard.press("Enter")
        page.wait_for_url("**/activity?text=onerror**")
        page.locator(".records tbody th a").first.focus()
        page.keyboard.press("Enter")
        page.wait_for_url("**/activity/*_to_*/**")
        assert "onerror" in page.locator("h1").inner_text()
