"""Pictures of items go to their articles too, and none comes back to where it came from.

Source: docs/products.md; docs/winstore-contract.md (PostArticlePicture, assumed). The articles are there already.
"""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from importlib import resources
from pathlib import Path

import pytest

from winbc_pipeline.flows.products import PRODUCTS_TO_WINSTORE
from winbc_pipeline.staging import ledger
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.sync.run import Summary, sync
from winbc_pipeline.sync.work import Work

from ...support.order_sandboxes import BC, FIRST, LAST, REPOSITORY, WINSTORE
from ...support.shops.pictured_shop import PicturedShop
from ...support.shops.pictures import jpeg, png

pytestmark = pytest.mark.proof

MUG, CUP, BOWL = png(colour=1), png(colour=2), jpeg(colour=3)
CALL = "PostArticlePicture"
ARTICLE, _, PICTURE = PRODUCTS_TO_WINSTORE.parts
FLOW = replace(PRODUCTS_TO_WINSTORE, guarded=False, shape=None, parts=(replace(ARTICLE, creates=False), PICTURE))


class BothWays:
    """The pictured shop with runs in the other direction. Articles get nothing but their picture."""

    def __init__(self, shop: PicturedShop) -> None:
        self.shop = shop
        folder = shop.settings.data_folder / "tables"
        shutil.copytree(REPOSITORY / "mapping_tables", folder)
        head = "target_field,source,default,when,required,note"
        table = folder / FLOW.id / ARTICLE.table
        table.write_text(f"{head}\nsku,sku,,create,yes,\n", encoding="utf-8")
        (folder / FLOW.id / "tests.csv").unlink()
        shop.settings = shop.settings.model_copy(update={"mapping_folder": folder})
        shop.products(direction="both")

    @property
    def connected(self) -> ConnectedFlow:
        return ConnectedFlow(FLOW, self.shop.settings)

    def back(self) -> Summary:
        """A run from Business Central to Winstore."""
        self.shop.runs += 1
        return sync(Work(self.connected, FIRST, LAST, f"run-{self.shop.runs}"))

    def of_picture(self, key: str = "S1") -> tuple[str, str | None]:
        (row,) = ledger.read(self.connected.store, "part = 'picture' AND key = ?", [key])
        return row["state"], row["reason"]

    def in_winstore(self, key: str = "1") -> bytes:
        return bytes(self.shop.winstore_app.state.records.blob(f"articles/{key}"))

    def uploads(self) -> int:
        return self.shop.called(WINSTORE, CALL)


@pytest.fixture
def both_ways(pictured_shop: PicturedShop) -> Iterator[BothWays]:
    yield BothWays(pictured_shop)


def test_an_article_gets_the_picture_of_its_item(both_ways: BothWays) -> None:
    both_ways.shop.person_pictures("S1", MUG)
    assert both_ways.back().failed == 0
    assert both_ways.in_winstore() == MUG
    assert both_ways.of_picture() == ("CONFIRMED", None)


def test_an_item_without_a_picture_is_no_problem(both_ways: BothWays) -> None:
    assert both_ways.back().failed == 0
    assert both_ways.of_picture() == ("CONFIRMED", "UNCHANGED")
    assert both_ways.uploads() == 0


def test_another_picture_takes_the_place_of_the_one_that_was_sent(both_ways: BothWays) -> None:
    both_ways.shop.person_pictures("S1", MUG)
    both_ways.back()
    both_ways.shop.person_pictures("S1", BOWL)
    both_ways.back()
    assert both_ways.in_winstore() == BOWL


def test_an_edit_of_another_field_sends_no_picture(both_ways: BothWays) -> None:
    both_ways.shop.person_pictures("S1", MUG)
    both_ways.back()
    both_ways.shop.pass_time(1)
    both_ways.shop.person_sets("S1", True)
    both_ways.back()
    assert both_ways.uploads() == 1


def test_a_picture_that_came_from_winstore_does_not_go_back(both_ways: BothWays) -> None:
    both_ways.shop.picture("1", MUG)
    both_ways.shop.run()
    both_ways.shop.pass_time(1)
    both_ways.back()
    assert both_ways.uploads() == 0
    assert both_ways.of_picture() == ("CONFIRMED", "UNCHANGED")


def test_a_picture_that_came_from_business_central_does_not_go_back(both_ways: BothWays) -> None:
    both_ways.shop.person_pictures("S1", MUG)
    both_ways.back()
    uploads = both_ways.shop.uploads()
    both_ways.shop.pass_time(1)
    both_ways.shop.run()
    assert both_ways.shop.of_picture() == ("CONFIRMED", "UNCHANGED")
    assert both_ways.shop.uploads() == uploads


def test_edits_of_both_sides_in_turn_each_arrive_once(both_ways: BothWays) -> None:
    for colour, content in enumerate((MUG, BOWL), 10):
        both_ways.shop.picture("1", content)
        both_ways.shop.run()
        both_ways.back()
        assert both_ways.shop.picture_in_bc("S1") == content
        other = png(colour=colour)
        both_ways.shop.person_pictures("S1", other)
        both_ways.back()
        both_ways.shop.run()
        assert both_ways.in_winstore() == both_ways.shop.picture_in_bc("S1") == other
    writes = len(both_ways.shop.state(BC)["writes"]), both_ways.uploads()
    both_ways.shop.run()
    both_ways.back()
    assert (len(both_ways.shop.state(BC)["writes"]), both_ways.uploads()) == writes


def test_a_picture_that_returns_to_what_it_was_is_an_edit_all_the_same(both_ways: BothWays) -> None:
    both_ways.shop.picture("1", MUG)
    both_ways.shop.run()
    both_ways.shop.person_pictures("S1", CUP)
    both_ways.back()
    both_ways.shop.picture("1", MUG)  # under the name that was sent first
    both_ways.shop.run()
    assert both_ways.shop.picture_in_bc("S1") == MUG


def test_a_picture_of_several_skus_is_not_replaced_for_one_of_them(both_ways: BothWays) -> None:
    both_ways.shop.person_pictures("S1", MUG)
    both_ways.shop.article("1", "S1", "S9")
    both_ways.shop.picture("1", CUP)
    assert both_ways.back().failed == 0
    assert both_ways.in_winstore() == CUP
    assert both_ways.of_picture() == ("SKIPPED", "PICTURE")


@pytest.mark.parametrize("kind", ["drop_before", "drop_after", "status", "status_after", "truncate", "storm"])
def test_each_fault_of_winstore_ends_with_the_right_picture(both_ways: BothWays, kind: str) -> None:
    both_ways.shop.person_pictures("S1", MUG)
    status = {"status": 500} if kind.startswith("status") else {}
    both_ways.shop.fault(WINSTORE, {"kind": kind, "path": CALL} | status)
    for _ in range(2):
        both_ways.back()
        both_ways.shop.pass_time(31)
    assert both_ways.shop.waiting_faults(WINSTORE) == [], "the fault happened"
    assert both_ways.in_winstore() == MUG
    assert both_ways.of_picture()[0] == "CONFIRMED"
    uploads = both_ways.uploads()
    both_ways.back()
    assert both_ways.uploads() == uploads


def test_the_picture_of_an_item_that_no_article_has_is_not_sent(both_ways: BothWays) -> None:
    both_ways.shop.person_pictures("S1", MUG)
    both_ways.shop.edited("1", variants=[])
    assert both_ways.back().failed == 0
    assert both_ways.of_picture() == ("SKIPPED", "MISSING_THERE")
    assert both_ways.uploads() == 0


def test_a_picture_that_winstore_refuses_has_failed(both_ways: BothWays) -> None:
    both_ways.shop.person_pictures("S1", MUG)
    both_ways.shop.fault(WINSTORE, {"kind": "status", "status": 400, "path": CALL})
    assert both_ways.back().failed == 1
    assert both_ways.of_picture() == ("FAILED", "WINSTORE_REFUSED")
    both_ways.back()
    assert both_ways.in_winstore() == MUG


def test_a_profile_without_the_call_holds_nothing_else_up(both_ways: BothWays, tmp_path: Path) -> None:
    shipped = resources.files("winbc_pipeline.systems.winstore").joinpath("profile.toml").read_text("utf-8")
    before, _, after = shipped.partition("[pictures.articles.write]")
    path = tmp_path / "profile.toml"
    path.write_text(before + after[after.index("[writes.orders]") :], encoding="utf-8")
    winstore = both_ways.shop.settings.winstore.model_copy(update={"profile": path})
    both_ways.shop.settings = both_ways.shop.settings.model_copy(update={"winstore": winstore})
    both_ways.shop.person_pictures("S1", MUG)
    both_ways.back()
    assert both_ways.of_picture() == ("SKIPPED", "PICTURE")
    (row,) = ledger.read(both_ways.connected.store, "part = 'picture' AND key = 'S1'")
    assert row["message"] == "the Winstore profile has no call that writes a picture"
