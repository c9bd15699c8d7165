"""What a user of Business Central edits between plan and call. It refuses a write with an old ETag (`If-Match`)."""

from typing import Any

import pytest

from winbc_pipeline.sync.records import push

from ...support.shops.two_ways import TO_BC, TwoWays


def edited_after_the_plan(world: TwoWays, monkeypatch: pytest.MonkeyPatch, **fields: Any) -> None:
    """A user of Business Central changes the customer once, when the plan is made and nothing is sent yet."""
    planned_slices, edits = push.planned_slices, [fields]

    def and_then(*given: Any) -> Any:
        for rows in planned_slices(*given):
            if edits:
                world.in_bc(**edits.pop())
            yield rows

    monkeypatch.setattr(push, "planned_slices", and_then)


def test_an_edit_of_another_field_after_the_plan_stays_and_the_plans_own_arrives(
    two_ways: TwoWays, monkeypatch: pytest.MonkeyPatch
) -> None:
    two_ways.shop_has()
    two_ways.passes()
    two_ways.in_winstore(city="Gent")
    edited_after_the_plan(two_ways, monkeypatch, phoneNumber="+31301112233")
    assert two_ways.run(TO_BC).failed == 0
    assert (two_ways.of_bc()["city"], two_ways.of_bc()["phoneNumber"]) == ("Gent", "+31301112233")


def test_an_edit_of_the_same_field_after_the_plan_is_a_conflict_and_is_not_overwritten(
    two_ways: TwoWays, monkeypatch: pytest.MonkeyPatch
) -> None:
    two_ways.shop_has()
    two_ways.passes()
    two_ways.in_winstore(city="Gent")
    edited_after_the_plan(two_ways, monkeypatch, city="Brugge")
    two_ways.run(TO_BC)
    row = two_ways.rows(TO_BC)["000123"]
    assert (row["state"], row["reason"], two_ways.of_bc()["city"]) == ("CONFLICT", "BOTH_CHANGED", "Brugge")
