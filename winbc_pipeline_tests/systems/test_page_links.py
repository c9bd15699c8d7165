"""Pages of Business Central whose links do not lead on: no read may go on for ever."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from winbc_pipeline.errors import UnreadableAnswer
from winbc_pipeline.settings import Settings
from winbc_pipeline.systems.business_central import BusinessCentral
from winbc_pipeline.systems.transport import Answer

ROOT = "http://127.0.0.1:1/BC/api/v2.0/companies(1)"
READS: list[Callable[[BusinessCentral], Any]] = [
    lambda target: list(target.pages("items")),
    lambda target: target.get("items"),
]


def answering(monkeypatch: pytest.MonkeyPatch, links: list[str]) -> BusinessCentral:
    """A client of a company whose pages name these links, the last of them for ever."""
    bc = {"base_url": "http://127.0.0.1:1/BC", "company": "a", "user": "u", "password": "p"}
    target = BusinessCentral(Settings(bc=bc))  # type: ignore[arg-type]
    monkeypatch.setattr(BusinessCentral, "root", ROOT)
    left = iter(links)
    last = links[-1]

    def call(*_: Any, **__: Any) -> Answer:
        link = next(left, last)
        return Answer(
            200, httpx.Headers(), f'{{"value":[{{"id":"1"}}],"@odata.nextLink":"{ROOT}/items?{link}"}}'.encode(), "id"
        )

    monkeypatch.setattr(target.transport, "call", call)
    return target


@pytest.mark.parametrize("read", READS, ids=["pages", "get"])
@pytest.mark.parametrize("links", [["a"], ["a", "b", "a"]], ids=["one link", "two links in turn"])
def test_links_that_come_again_end_the_read(
    monkeypatch: pytest.MonkeyPatch, read: Callable[[BusinessCentral], Any], links: list[str]
) -> None:
    with pytest.raises(UnreadableAnswer, match="the same page link again"):
        read(answering(monkeypatch, links))


def test_a_link_to_the_page_that_was_asked_for_ends_the_read(monkeypatch: pytest.MonkeyPatch) -> None:
    target = answering(monkeypatch, [""])
    with pytest.raises(UnreadableAnswer, match="the same page link again"):
        target.get_from(f"{ROOT}/items?")
