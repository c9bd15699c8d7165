"""To do with customers that go in both directions: whose values count, and who is made again.

Source: docs/dashboard.md (To do), docs/two-ways.md.
"""

import pytest

from ..support.dashboard import browser, door_of
from ..support.shops.two_ways import TO_BC, TwoWays
from .test_desk import fields

KEY = "000123"


def decide(two_ways: TwoWays, how: str) -> str:
    """Presses a button for the customer, and then the one that does what was shown. Gives what was shown."""
    settings = two_ways.settings
    client = browser(door_of(settings.state_folder, settings=settings), "operate")
    before = two_ways.writes()
    shown = client.post("/todo/plan", data={"flow": TO_BC, "how": how, "key": KEY}).text
    assert two_ways.writes() == before
    assert client.post("/todo/do", data=fields(shown, "/todo/do")).status_code == 200
    return shown


@pytest.mark.proof
@pytest.mark.parametrize(("how", "city"), [("take_source", "Gent"), ("take_target", "Brugge")])
def test_whose_values_count_is_shown_and_then_done(two_ways: TwoWays, how: str, city: str) -> None:
    two_ways.shop_has()
    two_ways.passes()
    two_ways.in_winstore(city="Gent")
    two_ways.in_bc(city="Brugge")
    two_ways.passes()
    assert "city" in decide(two_ways, how)
    two_ways.passes()
    two_ways.passes()
    assert (two_ways.of_bc()["city"], two_ways.of_shop()["city"]) == (city, city)


@pytest.mark.proof
def test_a_customer_that_was_deleted_in_the_target_is_made_again(two_ways: TwoWays) -> None:
    two_ways.shop_has()
    two_ways.passes()
    two_ways.deleted_in_bc()
    two_ways.in_winstore(city="Gent")
    two_ways.passes()
    decide(two_ways, "again")
    two_ways.passes()
    assert two_ways.of_bc()["number"] == f"WS{KEY}"
