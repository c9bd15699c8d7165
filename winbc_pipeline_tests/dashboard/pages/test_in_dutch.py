"""Every page in Dutch has no English sentence of ours. Source: docs/dashboard.md (Languages)."""

import ast
import re
from html import unescape
from pathlib import Path

import pytest
from starlette.testclient import TestClient

import winbc_pipeline
from winbc_pipeline.dashboard.words import words_of
from winbc_pipeline.errors import SystemUnavailable
from winbc_pipeline.flows.orders import ORDERS_TO_BC
from winbc_pipeline.health.runs import watched
from winbc_pipeline.sync.connected import ConnectedFlow

from ..test_mapping import TERMS, add, grid
from .conftest import Shown

FLOW, BC = ORDERS_TO_BC.id, "Business Central"
PAGES = (
    *("/overview", "/activity", f"/activity/{FLOW}/W2", f"/activity/{FLOW}/W1", "/activity/none/W9", "/todo", "/plan"),
    *(
        f"/plan?flow={FLOW}",
        f"/plan/approve?flow={FLOW}",
        "/mapping",
        f"/mapping/table?name={FLOW}/order.csv",
        "/order",
    ),
    *("/order?name=W1", "/order?name=W2", "/order?name=W99", "/stock", "/stock?sku=SKU-1", "/reconcile", "/settings"),
    *("/me", "/nowhere"),
)
ROOT = Path(winbc_pipeline.__file__).parent
ASKED = ("dashboard", "flows", "health", "mapping", "staging", "sync", "systems", "workbench")  # what pages ask
QUOTED = re.compile(r'<(\w+)[^>]*\blang="en"[^>]*>.*?</\1>', re.DOTALL)
TAGS = re.compile(r"<script.*?</script>|<[^>]+>", re.DOTALL)
SENTENCE = re.compile(r"\b[A-Za-z]{2,} [a-z]{2,} [a-z]{2,}\b")  # three words: no key, and no name of a field


def read(html: str) -> str:
    """What a reader reads, less what is marked as quoted in English."""
    return " ".join(unescape(TAGS.sub(" ", QUOTED.sub(" ", html))).split())


def english() -> set[str]:
    """Our English sentences: of the words of pages, and of the program that pages ask."""
    here, there = words_of("en").texts, words_of("nl").texts
    said = {text for name, text in here.items() if text != there[name] and "{" not in text}
    for path in (path for name in ASKED for path in (ROOT / name).rglob("*.py")):
        nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        said |= {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return {" ".join(text.split()) for text in said if len(text) < 300 and SENTENCE.search(text)}


@pytest.fixture(scope="module")
def red(seen_day: Shown) -> Shown:
    """A shop with an order that arrived, a red one, and a run that failed."""
    with pytest.raises(SystemUnavailable), watched(ConnectedFlow(ORDERS_TO_BC, seen_day.orders.settings)):
        raise SystemUnavailable(f"{BC} did not answer a moment ago.", "The next run tries again.", BC)
    return seen_day


@pytest.fixture(scope="module")
def client(red: Shown) -> TestClient:
    opened = red.browser("admin", "nl")
    opened.follow_redirects = True
    return opened


@pytest.fixture(scope="module")
def pages(client: TestClient) -> dict[str, str]:
    """Every page as a Dutch browser gets it, and a save that is refused."""
    texts = {page: client.get(page).text for page in PAGES}
    form = grid(client, TERMS)
    add(form, source_value="WEEKLY", target_value="?")
    return texts | {"a refused save": client.post("/mapping/save", data=form).text}


def test_no_page_in_dutch_has_an_english_sentence_of_ours(pages: dict[str, str]) -> None:
    ours = english()
    assert len(ours) > 500 and all("<html" in text for text in pages.values())
    texts = {page: read(text) for page, text in pages.items()}
    found = {page: [each for each in ours if each in text] for page, text in texts.items()}
    assert {page: some for page, some in found.items() if some} == {}


def test_what_is_quoted_in_english_is_no_sentence(pages: dict[str, str]) -> None:
    """Nothing of this shop was said by a system: so only codes, and fields with their values, are left in English."""
    quoted = [unescape(TAGS.sub(" ", each[0])) for text in pages.values() for each in QUOTED.finditer(text)]
    assert quoted and [text for text in quoted if SENTENCE.search(text)] == []
