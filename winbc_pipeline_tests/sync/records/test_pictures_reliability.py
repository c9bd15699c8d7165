"""Pictures when calls fail and processes die: the item ends with the right one, and a rerun sends nothing.

Source: exactly_once.md section 3. The call may be made twice, but an older picture must not come last.
"""

from typing import Any

import pytest

from winbc_pipeline.systems.business_central import BusinessCentral, Result

from ...support.in_process import Killed
from ...support.order_sandboxes import BC, WINSTORE
from ...support.shops.pictured_shop import READ, WRITTEN, PicturedShop
from ...support.shops.pictures import jpeg, png

pytestmark = pytest.mark.proof

MUG, CUP, BOWL = png(colour=1), png(colour=2), jpeg(colour=3)


@pytest.mark.parametrize("kind", ["drop_before", "drop_after", "status_after", "status", "storm", "truncate"])
@pytest.mark.parametrize("call", ["GET", "PATCH"])
def test_each_fault_of_business_central_ends_with_the_right_picture(
    pictured_shop: PicturedShop, kind: str, call: str
) -> None:
    pictured_shop.picture("1", MUG)
    pictured_shop.run()
    pictured_shop.picture("1", CUP)
    status = {"status": 500} if kind.startswith("status") else {}
    pictured_shop.fault(BC, {"kind": kind, "path": WRITTEN, "method": call} | status)
    settled(pictured_shop)
    assert pictured_shop.waiting_faults(BC) == [], "the fault happened"
    assert_sent(pictured_shop, CUP)


@pytest.mark.parametrize("kind", ["drop_before", "drop_after", "truncate", "html", "garbage", "status", "storm"])
def test_each_fault_of_winstore_ends_with_the_right_picture(pictured_shop: PicturedShop, kind: str) -> None:
    pictured_shop.picture("1", MUG)
    status = {"status": 503} if kind == "status" else {}
    pictured_shop.fault(WINSTORE, {"kind": kind, "path": READ} | status)
    settled(pictured_shop)
    assert pictured_shop.waiting_faults(WINSTORE) == [], "the fault happened"
    assert_sent(pictured_shop, MUG)


def settled(shop: PicturedShop) -> None:
    """Runs as a sweep would; what a cut-off answer made of a picture, a person has looked at again."""
    for _ in range(3):
        shop.run()
        shop.pass_time(31)
    if shop.of_picture()[0] == "SKIPPED":
        shop.replays("S1")


def test_a_lost_answer_is_found_by_the_content_that_is_there(pictured_shop: PicturedShop) -> None:
    pictured_shop.picture("1", MUG)
    pictured_shop.fault(BC, {"kind": "drop_after", "path": WRITTEN, "method": "PATCH", "times": 9})
    pictured_shop.run()
    assert pictured_shop.of_picture() == ("UNKNOWN", "NO_ANSWER")
    pictured_shop.fault(BC)
    pictured_shop.pass_time(31)
    uploads = pictured_shop.uploads()
    pictured_shop.run()
    assert pictured_shop.of_picture() == ("CONFIRMED", "UNCHANGED")
    assert pictured_shop.uploads() == uploads


def test_a_later_picture_waits_until_a_lost_one_cannot_arrive_any_more(pictured_shop: PicturedShop) -> None:
    pictured_shop.picture("1", MUG)
    pictured_shop.run()
    pictured_shop.picture("1", CUP)
    pictured_shop.fault(BC, {"kind": "late", "path": WRITTEN, "method": "PATCH", "times": 9, "seconds": 600})
    pictured_shop.run()
    assert pictured_shop.of_picture()[0] == "UNKNOWN"
    pictured_shop.fault(BC)
    pictured_shop.pass_time(31)
    pictured_shop.picture("1", BOWL)
    pictured_shop.run()
    assert pictured_shop.of_picture()[0] == "UNKNOWN", "the lost one would overwrite it"
    pictured_shop.pass_time(21 * 60)
    pictured_shop.run()
    assert pictured_shop.picture_in_bc("S1") == BOWL


POINTS = ("before record intent", "after record intent", "after record answer", "after pairs", "after record confirm")


@pytest.mark.parametrize("point", POINTS)
def test_a_run_that_dies_anywhere_is_completed_by_the_next_one(pictured_shop: PicturedShop, point: str) -> None:
    for nth in range(1, 20):
        content = png(colour=nth)
        pictured_shop.picture("1", content)
        died = pictured_shop.dies_in_run(point, nth)
        pictured_shop.run()
        assert_sent(pictured_shop, content)
        if not died:
            break
    assert 1 < nth < 20, "it came there, and every time was tried"


@pytest.mark.parametrize("sent", [False, True], ids=["before the call", "after the call"])
def test_a_run_that_dies_in_the_call_is_completed_by_the_next_one(
    pictured_shop: PicturedShop, sent: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictured_shop.picture("1", MUG)
    pictured_shop.run()
    pictured_shop.picture("1", CUP)
    put = BusinessCentral.put_picture

    def die(target: BusinessCentral, *picture: Any) -> Result:
        if sent:
            put(target, *picture)
        raise Killed

    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(BusinessCentral, "put_picture", die)
        pictured_shop.run()
    assert pictured_shop.of_picture()[0] == "SENDING"
    uploads = pictured_shop.uploads()
    pictured_shop.run()
    assert pictured_shop.uploads() == uploads + (not sent)
    assert_sent(pictured_shop, CUP)


def assert_sent(shop: PicturedShop, content: bytes) -> None:
    """The item has the picture, the ledger knows it, and a rerun sends nothing."""
    assert shop.picture_in_bc("S1") == content
    assert shop.of_picture()[0] == "CONFIRMED"
    uploads = shop.uploads()
    shop.run()
    assert shop.uploads() == uploads
