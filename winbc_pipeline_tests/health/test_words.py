"""The words of messages and of `winbc status`.

Source: docs/operations.md, "Alerts" and "Is it late?".
"""

from datetime import timedelta

import pytest

from winbc_pipeline.health.words import duration


@pytest.mark.parametrize(("seconds", "words"), [(-60, "0 s"), (40, "40 s"), (7500, "2 h 5 min")])
def test_an_age_is_never_below_nothing(seconds: int, words: str) -> None:
    """Clocks of two machines differ, and a poll may be noted after the report's moment."""
    assert duration(timedelta(seconds=seconds)) == words
