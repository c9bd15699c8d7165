"""The last look at figures goes in the call that writes others (docs/stock.md, "A sale meanwhile")."""

import math
from collections.abc import Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from winbc_pipeline import clock
from winbc_pipeline.flows.stock import STOCK_TO_BC
from winbc_pipeline.sync.records.special.figures import HOLDS, Looks
from winbc_pipeline.systems.business_central import BusinessCentral, Result
from winbc_pipeline.systems.business_central.filters import KEYS_PER_LOOKUP

from ...support.order_sandboxes import BC
from ...support.shops.stock_world import SKU, StockWorld

NOW = datetime(2026, 3, 1, tzinfo=UTC)


class Books(BusinessCentral):
    """Answers each look with the figures that it has, and counts the looks that took a call of their own."""

    def __init__(self, size: int, figures: dict[str, int]) -> None:
        self.size, self.figures, self.calls = size, figures, 0

    @property
    def batch_size(self) -> int:
        return self.size

    def paths_by_id(self, entity_set: str, ids: Iterable[str], select: Collection[str]) -> list[str]:
        return [",".join(sorted(ids))]

    def get_together(self, paths: list[str]) -> list[dict[str, Any]]:
        self.calls += 1
        return [{"id": own, "inventory": self.figures[own]} for path in paths for own in path.split(",")]


def row(key: str) -> dict[str, Any]:
    change = '[{"field":"inventory","old":5,"new":9}]'
    return {"key": key, "action": "update", "target_id": key, "changes": change}


def answered(target: Books, looks: Looks) -> None:
    """The call of this thread is answered, with the look in it."""
    found = [own for operation in looks.ask() for own in operation.path.split(",")]
    looks.note([Result("look-0", 200, {"value": [{"id": own, "inventory": target.figures[own]} for own in found]})])


@pytest.fixture
def target(monkeypatch: pytest.MonkeyPatch) -> Books:
    monkeypatch.setattr(clock, "now", lambda: NOW)
    return Books(100, {"A": 5, "B": 5, "C": 5})


def looks_at(target: Books) -> Looks:
    looks = Looks(STOCK_TO_BC.part("item"), target)
    groups = [[row("A")], [row("B")], [row("C")]]
    looks.expect(groups)
    for group in groups:
        looks.add(group)
    return looks


@pytest.mark.parametrize("size", [2, 20, 40, 41, 100])
def test_figures_and_the_look_at_as_many_others_fit_into_one_call(size: int) -> None:
    at_once = Looks(STOCK_TO_BC.part("item"), Books(size, {})).at_once
    assert at_once >= 1
    assert at_once + math.ceil(at_once / KEYS_PER_LOOKUP) <= size


def test_only_the_first_look_takes_a_call_of_its_own(target: Books) -> None:
    looks = looks_at(target)
    for name in ("A", "B", "C"):
        (sent,) = rows = looks.next()
        assert (sent["key"], looks.moved(rows)) == (name, set())
        if name != "C":
            answered(target, looks)
    assert target.calls == 1


def test_a_figure_that_moved_before_the_call_that_looked_at_it_is_told(target: Books) -> None:
    looks = looks_at(target)
    looks.moved(looks.next())
    target.figures["B"] = 4
    answered(target, looks)
    assert looks.moved(looks.next()) == {"B"}


def test_a_thread_takes_no_figures_that_another_one_has_looked_at(target: Books) -> None:
    looks = looks_at(target)
    looks.moved(looks.next())
    answered(target, looks)
    with ThreadPoolExecutor(1) as other:
        assert other.submit(looks.next).result()[0]["key"] == "C"
    assert looks.next()[0]["key"] == "B"


def test_a_look_that_waited_too_long_is_taken_again(target: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = looks_at(target)
    looks.moved(looks.next())
    answered(target, looks)
    target.figures["B"] = 4
    monkeypatch.setattr(clock, "now", lambda: NOW + HOLDS + timedelta(milliseconds=1))
    assert looks.moved(looks.next()) == {"B"}


@pytest.mark.parametrize(
    "answer", [Result("look-0", 0, {}), Result("look-0", 200, {"value": [], "@odata.nextLink": "more"})]
)
def test_a_look_without_its_whole_answer_is_taken_again(target: Books, answer: Result) -> None:
    looks = looks_at(target)
    looks.moved(looks.next())
    looks.ask()
    looks.note([answer])
    assert looks.moved(looks.next()) == set()
    assert target.calls == 2


def test_a_run_makes_one_call_for_each_batch_after_the_first_look(stock: StockWorld) -> None:
    bc = stock.settings.bc.model_copy(update={"batch_size": 3})  # two figures, and the look at two others
    stock.settings = stock.settings.model_copy(update={"bc": bc})
    for number in range(6):
        stock.item(f"S{number}")
        stock.shop_has(sku=f"S{number}", quantity="5")
    stock.shop_has(quantity="5")
    before = len(stock.calls(BC))
    assert stock.run().updated == 7
    batches = [each for each in stock.calls(BC)[before:] if each["path"].split("?")[0].endswith("$batch")]
    first_figure, first_look, writes = 2, 1, 3
    assert len(batches) == first_figure + first_look + writes
    assert [stock.inventory(f"S{number}") for number in range(6)] + [stock.inventory(SKU)] == [5] * 7
