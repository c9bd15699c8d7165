"""The words of messages and of `winbc status`.

Source: docs/operations.md, "Alerts" and "Is it late?".
"""

from datetime import UTC, datetime, timedelta

import pytest

from winbc_pipeline.health.decide import Draft, Item, What
from winbc_pipeline.health.problem import EVERY, Name, Problem
from winbc_pipeline.health.store import Track
from winbc_pipeline.health.words import body, duration, subject
from winbc_pipeline.settings import Settings

NOW = datetime(2026, 3, 10, 10, tzinfo=UTC)
BEGINNINGS: tuple[tuple[What, str], ...] = (("new", ""), ("mended", "RESOLVED "))


@pytest.mark.parametrize(("seconds", "words"), [(-60, "0 s"), (40, "40 s"), (7500, "2 h 5 min")])
def test_an_age_is_never_below_nothing(seconds: int, words: str) -> None:
    """Clocks of two machines differ, and a poll may be noted after the report's moment."""
    assert duration(timedelta(seconds=seconds)) == words


def test_problems_of_one_reason_in_one_message_name_all_their_flows_when_they_come_and_when_they_are_mended() -> None:
    problems = [Problem(Name(flow, "late", "WAITS", ""), NOW, flows=(flow,)) for flow in ("orders", "stock")]
    for what, begin in BEGINNINGS:
        draft = Draft((), tuple(Item(what, each, Track(NOW)) for each in problems))
        assert subject(draft, Settings(connection="shop")) == f"winbc shop: {begin}orders, stock: late"


@pytest.mark.parametrize("what", ["new", "mended"])
def test_what_is_said_of_a_guard_and_of_its_end_names_the_safe_mode_that_stays(what: What) -> None:
    guard = Problem(Name(EVERY, "guard", "E-SOURCE", "orders"), NOW, flows=("orders",))
    text = body(Draft((), (Item(what, guard, Track(NOW), ("orders",)),)), Settings(), NOW)
    assert "orders stays in safe mode: it writes nothing until `winbc approve orders` has let its plan pass." in text
