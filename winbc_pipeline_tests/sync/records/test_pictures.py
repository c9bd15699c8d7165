"""Pictures of articles: the item gets its article's one, once, after the item; nobody else's is lost, none comes back.

Source: docs/products.md; behaviour.md section 12 (the content is written after its record; without one the answer is
204).
"""

from typing import Any, ClassVar

import pytest

from winbc_pipeline.flows import PRODUCTS
from winbc_pipeline.staging.pairs import Pairs
from winbc_pipeline.sync.flow import Flow
from winbc_pipeline.sync.records.decision import Decision
from winbc_pipeline.sync.records.special import pictures
from winbc_pipeline.sync.records.special.pictures import SourcePictures
from winbc_pipeline.sync.run import push_windows
from winbc_pipeline.systems.pictures import BadPicture, PictureUnavailable
from winbc_pipeline.workbench.missing_rows import pictures_not_carried
from winbc_pipeline.workbench.preview import RecordView

from ...support.order_sandboxes import BC, WINSTORE
from ...support.shops.pictured_shop import READ, WRITTEN, PicturedShop
from ...support.shops.pictures import jpeg, png

pytestmark = pytest.mark.proof

MUG, CUP, BOWL = png(colour=1), png(colour=2), jpeg(colour=3)


def test_an_item_gets_the_picture_of_its_article_after_it_was_made(pictured_shop: PicturedShop) -> None:
    pictured_shop.article("2", "S2")
    pictured_shop.picture("2", MUG)
    pictured_shop.run()
    assert pictured_shop.picture_in_bc("S2") == MUG
    assert pictured_shop.of_picture("S2") == ("CONFIRMED", None)
    written = [(each["method"], each["entity"]) for each in pictured_shop.state(BC)["writes"]]
    assert written[-2:] == [("POST", "items"), ("POST", "pictures")]


def test_a_picture_is_written_as_bytes_with_any_etag(pictured_shop: PicturedShop) -> None:
    pictured_shop.picture("1", MUG)
    pictured_shop.run()
    item = pictured_shop.item("S1")
    path = f"items({item['id']})/picture/pictureContent"
    assert pictured_shop.called(BC, path, "PATCH") == 1
    (picture,) = pictured_shop.records("pictures")
    assert (picture["contentType"], picture["width"], picture["height"]) == ("image/png", 4, 3)


def test_a_rerun_reads_and_writes_nothing(pictured_shop: PicturedShop) -> None:
    pictured_shop.picture("1", MUG)
    pictured_shop.run()
    readings, calls = pictured_shop.readings(), pictured_shop.called(BC, WRITTEN)
    pictured_shop.run()
    assert pictured_shop.planned_pictures() == {"S1": ("skip", "UNCHANGED")}
    assert (pictured_shop.readings(), pictured_shop.called(BC, WRITTEN)) == (readings, calls)


def test_another_picture_takes_the_place_of_the_one_that_was_sent(pictured_shop: PicturedShop) -> None:
    pictured_shop.picture("1", MUG)
    pictured_shop.run()
    pictured_shop.picture("1", BOWL)
    assert pictured_shop.planned_pictures() == {"S1": ("update", None)}
    pictured_shop.run()
    assert pictured_shop.picture_in_bc("S1") == BOWL


def test_another_name_of_the_same_picture_is_no_edit(pictured_shop: PicturedShop) -> None:
    pictured_shop.picture("1", MUG)
    pictured_shop.run()
    pictured_shop.named("1", "renamed.png")
    assert pictured_shop.planned_pictures() == {"S1": ("skip", "UNCHANGED")}
    pictured_shop.run()
    readings = pictured_shop.readings()
    pictured_shop.run()
    assert (pictured_shop.uploads(), pictured_shop.readings()) == (1, readings), "the new name is noted"


def test_the_plan_of_a_new_item_says_that_its_picture_would_be_sent(pictured_shop: PicturedShop) -> None:
    pictured_shop.article("2", "S2")
    pictured_shop.picture("2", MUG)
    assert pictured_shop.planned_pictures()["S2"] == ("create", None)
    assert pictured_shop.readings() == 0, "nothing is there that it must be compared with"
    assert pictured_shop.uploads() == 0


def test_a_picture_that_is_there_already_is_not_sent(pictured_shop: PicturedShop) -> None:
    pictured_shop.person_pictures("S1", MUG)
    pictured_shop.picture("1", MUG)
    uploads = pictured_shop.uploads()
    pictured_shop.run()
    assert pictured_shop.uploads() == uploads
    assert pictured_shop.of_picture() == ("CONFIRMED", "UNCHANGED")


def test_a_picture_that_was_taken_away_in_winstore_stays_in_business_central(pictured_shop: PicturedShop) -> None:
    pictured_shop.picture("1", MUG)
    pictured_shop.run()
    pictured_shop.picture("1", b"")
    pictured_shop.run()
    assert pictured_shop.picture_in_bc("S1") == MUG


def test_a_picture_that_only_a_person_changed_there_stays(pictured_shop: PicturedShop) -> None:
    pictured_shop.picture("1", MUG)
    pictured_shop.run()
    pictured_shop.person_pictures("S1", CUP)
    pictured_shop.named("1", "renamed.png")
    pictured_shop.run()
    assert pictured_shop.picture_in_bc("S1") == CUP


def test_a_picture_that_both_sides_changed_is_the_sources_and_the_plan_says_so(pictured_shop: PicturedShop) -> None:
    pictured_shop.picture("1", MUG)
    pictured_shop.run()
    pictured_shop.person_pictures("S1", CUP)
    pictured_shop.picture("1", BOWL)
    pictured_shop.run()
    assert pictured_shop.picture_in_bc("S1") == BOWL
    events = "SELECT message FROM ledger_event WHERE part = 'picture' AND message IS NOT NULL"
    with pictured_shop.connected.store.open() as connection:
        assert connection.execute(events).fetchall()[-1] == ("changed on both sides, the source's picture is sent",)


@pytest.mark.parametrize(("how", "content"), [("take_source", BOWL), ("take_target", CUP)], ids=["source", "target"])
def test_a_person_decides_where_both_directions_are_on(
    pictured_shop: PicturedShop, monkeypatch: pytest.MonkeyPatch, how: str, content: bytes
) -> None:
    monkeypatch.setattr(Flow, "owner", lambda *_: "hold")
    pictured_shop.picture("1", MUG)
    pictured_shop.run()
    pictured_shop.person_pictures("S1", CUP)
    pictured_shop.picture("1", BOWL)
    pictured_shop.run()
    assert pictured_shop.of_picture() == ("CONFLICT", "BOTH_CHANGED")
    assert pictured_shop.picture_in_bc("S1") == CUP
    pictured_shop.decides(how, "S1")
    pictured_shop.run()
    assert pictured_shop.picture_in_bc("S1") == content
    assert pictured_shop.of_picture()[0] == "CONFIRMED"


def test_a_person_who_is_faster_than_the_push_is_not_overwritten_unseen(pictured_shop: PicturedShop) -> None:
    pictured_shop.picture("1", MUG)
    work = pictured_shop.work()
    pictured_shop.planned_pictures()  # of an item without one
    pictured_shop.person_pictures("S1", CUP)
    push_windows(work)
    states = "SELECT state, reason FROM ledger_event WHERE part = 'picture' ORDER BY moved_at"
    with pictured_shop.connected.store.open() as connection:
        moves = connection.execute(states).fetchall()
    assert ("FAILED", "STALE") in moves, "it was planned again, with what is there now"
    assert pictured_shop.picture_in_bc("S1") == MUG


def test_the_pictures_write_is_no_edit_of_the_item(pictured_shop: PicturedShop) -> None:
    pictured_shop.picture("1", MUG)
    pictured_shop.run()
    writes = len(pictured_shop.state(BC)["writes"])
    pictured_shop.pass_time(1)
    pictured_shop.edited("1", name="Cup")
    pictured_shop.run()
    assert pictured_shop.of_item() == ("CONFIRMED", None)
    assert pictured_shop.writes_since(writes) == [("PATCH", {"displayName": "Cup"})]


def test_a_person_who_pictures_an_item_has_not_edited_its_fields(pictured_shop: PicturedShop) -> None:
    pictured_shop.person_pictures("S1", CUP)
    pictured_shop.edited("1", name="Cup")
    pictured_shop.run()
    assert pictured_shop.of_item() == ("CONFIRMED", None)
    assert pictured_shop.picture_in_bc("S1") == CUP


def test_an_item_whose_picture_was_just_sent_is_blocked_without_a_refusal(pictured_shop: PicturedShop) -> None:
    pictured_shop.chooses_pictures(inactive="block")
    pictured_shop.picture("1", MUG)
    pictured_shop.edited("1", active="false")
    pictured_shop.run()
    assert (pictured_shop.is_blocked("S1"), pictured_shop.picture_in_bc("S1")) == (True, MUG)
    assert [each["status"] for each in pictured_shop.calls(BC) if each["status"] in (409, 412)] == []


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (b"<html>", "neither JPEG nor PNG"),
        (b"GIF89a" + bytes(30), "neither JPEG nor PNG"),
        (MUG[:-3], "not a whole picture"),
        (png(9000, 9000), "9000 x 9000 pixels"),
        (MUG + bytes(5 * 2**20), "larger than 5 MB"),
    ],
    ids=["html", "gif", "cut off", "pixels", "bytes"],
)
def test_a_bad_picture_is_skipped_with_the_rule_and_holds_nothing_up(
    pictured_shop: PicturedShop, content: bytes, rule: str
) -> None:
    pictured_shop.picture("1", MUG)
    pictured_shop.broken_picture("1", content)
    pictured_shop.edited("1", name="Cup")
    done = pictured_shop.run()
    assert (done.updated, done.failed) == (1, 0)
    assert pictured_shop.of_picture() == ("SKIPPED", "PICTURE")
    assert rule in pictured_shop.row("S1", "picture")["message"]
    assert pictured_shop.picture_in_bc("S1") == b""


def test_a_bad_picture_is_read_again_when_its_name_changes_and_not_before(pictured_shop: PicturedShop) -> None:
    pictured_shop.picture("1", MUG)
    pictured_shop.broken_picture("1", MUG[:-3])
    pictured_shop.run()
    readings = pictured_shop.readings()
    pictured_shop.run()
    pictured_shop.edited("1", name="Cup")
    pictured_shop.run()
    assert pictured_shop.readings() == readings
    pictured_shop.picture("1", CUP)
    pictured_shop.run()
    assert pictured_shop.picture_in_bc("S1") == CUP


def test_a_bad_picture_is_read_again_when_a_person_asks(pictured_shop: PicturedShop) -> None:
    pictured_shop.picture("1", MUG)
    pictured_shop.broken_picture("1", MUG[:-3])
    pictured_shop.run()
    pictured_shop.broken_picture("1", MUG)
    pictured_shop.run()
    assert pictured_shop.picture_in_bc("S1") == b""
    pictured_shop.replays("S1")
    assert pictured_shop.picture_in_bc("S1") == MUG


def test_a_missing_picture_is_skipped_and_shown(pictured_shop: PicturedShop) -> None:
    pictured_shop.named("1", "gone.png")
    assert pictured_shop.run().failed == 0
    assert pictured_shop.of_picture() == ("SKIPPED", "PICTURE")
    assert pictured_shop.row("S1", "picture")["message"] == "the source does not have it"


@pytest.mark.parametrize("fault", [{"kind": "status", "status": 500, "times": 9}, {"kind": "html"}])
def test_a_picture_that_is_not_to_be_had_now_is_sent_by_the_next_run(
    pictured_shop: PicturedShop, fault: dict[str, Any]
) -> None:
    pictured_shop.picture("1", MUG)
    pictured_shop.edited("1", name="Cup")
    pictured_shop.fault(WINSTORE, fault | {"path": READ})
    done = pictured_shop.run()
    assert done.failed == 1, "the window is red, because somebody must look if it stays so"
    assert pictured_shop.of_picture() == ("FAILED", "PICTURE")
    assert pictured_shop.item("S1")["displayName"] == "Cup", "the item is not held up"
    pictured_shop.fault(WINSTORE)
    pictured_shop.pass_time(31)
    assert pictured_shop.run().failed == 0
    assert pictured_shop.picture_in_bc("S1") == MUG


@pytest.mark.parametrize("name", ["https://127.0.0.1:8080/a.png", "file:///etc/passwd", "https://cdn.example/a.png"])
def test_an_address_whose_host_is_not_allowed_is_never_asked(pictured_shop: PicturedShop, name: str) -> None:
    pictured_shop.named("1", name)
    calls = len(pictured_shop.calls(WINSTORE))
    pictured_shop.run()
    assert pictured_shop.of_picture() == ("SKIPPED", "PICTURE")
    assert all("a.png" not in each["path"] for each in pictured_shop.calls(WINSTORE)[calls:])
    assert pictured_shop.readings() == 0


def test_a_picture_at_an_allowed_address_is_sent(pictured_shop: PicturedShop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "PictureReader", Cdn)
    pictured_shop.named("1", "https://cdn.example/mug.png")
    pictured_shop.run()
    assert pictured_shop.of_picture() == ("SKIPPED", "PICTURE")
    pictured_shop.chooses_pictures(picture_hosts=("cdn.example",))
    pictured_shop.run()
    assert pictured_shop.picture_in_bc("S1") == MUG, "another setting is reason enough to look again"


def test_a_picture_of_many_items_is_read_once_in_a_run(
    pictured_shop: PicturedShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "PictureReader", Cdn)
    monkeypatch.setattr(pictures, "KEPT", 2)
    monkeypatch.setattr(Cdn, "read_so_far", [])
    pictured_shop.chooses_pictures(picture_hosts=("cdn.example",))
    for number in range(1, 10):
        pictured_shop.article(str(number), f"S{number}")
        pictured_shop.named(str(number), f"https://cdn.example/{number % 3}.png")
    pictured_shop.run()
    assert {pictured_shop.picture_in_bc(f"S{number}") for number in range(1, 10)} == {MUG}
    assert sorted(Cdn.read_so_far) == [f"https://cdn.example/{number}.png" for number in range(3)]


class Cdn:
    """Stands for the reader of addresses."""

    read_so_far: ClassVar[list[str]] = []

    def __init__(self, hosts: tuple[str, ...], _: object) -> None:
        self.hosts = hosts

    def read(self, address: str) -> bytes:
        self.read_so_far.append(address)
        if not self.hosts:
            raise BadPicture("its host is not one of `products.picture_hosts`")
        if "busy" in address:
            raise PictureUnavailable("its host answers 503")
        return MUG


@pytest.mark.parametrize("mode", ["create", "never"])
def test_a_setting_leaves_the_pictures_of_business_central_alone(pictured_shop: PicturedShop, mode: str) -> None:
    pictured_shop.chooses_pictures(pictures=mode)
    pictured_shop.person_pictures("S1", CUP)
    uploads = pictured_shop.uploads()
    pictured_shop.picture("1", MUG)
    done = pictured_shop.run()
    assert (pictured_shop.picture_in_bc("S1"), pictured_shop.uploads(), done.failed) == (CUP, uploads, 0)
    assert pictured_shop.of_picture() == ("SKIPPED", "PICTURE_KEPT")
    calls = pictured_shop.called(BC, WRITTEN)
    pictured_shop.run()
    assert pictured_shop.called(BC, WRITTEN) == calls, "nothing is looked at again while name and setting stay"
    pictured_shop.chooses_pictures(pictures="always")
    pictured_shop.run()
    assert pictured_shop.picture_in_bc("S1") == MUG


def test_create_sends_the_first_picture_and_no_other(pictured_shop: PicturedShop) -> None:
    pictured_shop.chooses_pictures(pictures="create")
    pictured_shop.picture("1", MUG)
    pictured_shop.run()
    assert pictured_shop.picture_in_bc("S1") == MUG
    pictured_shop.picture("1", CUP)
    pictured_shop.run()
    assert pictured_shop.picture_in_bc("S1") == MUG


def test_never_reads_no_picture(pictured_shop: PicturedShop) -> None:
    pictured_shop.chooses_pictures(pictures="never")
    pictured_shop.picture("1", MUG)
    pictured_shop.run()
    assert (pictured_shop.readings(), pictured_shop.called(BC, WRITTEN)) == (0, 0)


def test_the_picture_of_an_item_that_cannot_be_made_waits_for_it(pictured_shop: PicturedShop) -> None:
    pictured_shop.article("2", "S2", name="x" * 101)
    pictured_shop.picture("2", MUG)
    pictured_shop.run()
    assert pictured_shop.of_item("S2")[0] == "FAILED"
    assert pictured_shop.of_picture("S2") == ("FAILED", "REFERENCE_MISSING")
    pictured_shop.edited("2", name="Lamp")
    pictured_shop.run()
    assert pictured_shop.picture_in_bc("S2") == MUG


def test_the_picture_of_an_item_that_was_deleted_there_is_not_sent(pictured_shop: PicturedShop) -> None:
    pictured_shop.by_person("DELETE", f"items({pictured_shop.item('S1')['id']})")
    pictured_shop.edited("1", name="Cup")
    pictured_shop.picture("1", MUG)
    pictured_shop.run()
    assert pictured_shop.of_item() == ("CONFLICT", "DELETED_THERE")
    assert pictured_shop.of_picture() == ("SKIPPED", "MISSING_THERE")


def test_an_item_that_is_made_again_gets_its_picture_again(pictured_shop: PicturedShop) -> None:
    pictured_shop.picture("1", MUG)
    pictured_shop.run()
    pictured_shop.by_person("DELETE", f"items({pictured_shop.item('S1')['id']})")
    pictured_shop.edited("1", name="Cup")
    pictured_shop.run()
    pictured_shop.decides("again", "S1")
    assert pictured_shop.picture_in_bc("S1") == MUG
    assert pictured_shop.of_picture()[0] == "CONFIRMED"


def test_each_sku_of_an_article_gets_its_one_picture(pictured_shop: PicturedShop) -> None:
    pictured_shop.article("2", "S2", "S3")
    pictured_shop.picture("2", MUG)
    assert pictured_shop.run().failed == 0
    assert [pictured_shop.picture_in_bc(sku) for sku in ("S2", "S3")] == [MUG, MUG]
    assert pictured_shop.readings() == 1


def test_the_item_of_an_article_gets_its_picture_where_its_skus_are_variants(pictured_shop: PicturedShop) -> None:
    pictured_shop.as_variants()
    pictured_shop.sells("2", {"sku": "S2", "color": "red"}, {"sku": "S3", "color": "blue"})
    pictured_shop.picture("2", MUG)
    pictured_shop.picture("1", CUP)
    assert pictured_shop.run().failed == 0
    assert (pictured_shop.picture_in_bc("2"), pictured_shop.picture_in_bc("S1")) == (MUG, CUP)
    before = pictured_shop.uploads()
    pictured_shop.picture("2", CUP)
    assert pictured_shop.run().failed == 0
    assert (pictured_shop.picture_in_bc("2"), pictured_shop.uploads()) == (CUP, before + 1)


def test_a_preview_says_whose_picture_would_be_sent() -> None:
    shown = RecordView(PRODUCTS.part("picture"), "S1", [], [], Decision("create"), {}, orphan=False)
    assert shown.request == "the picture of its item, unless it has this one"


def test_pictures_of_single_variants_are_counted_and_not_carried(pictured_shop: PicturedShop) -> None:
    assert pictures_not_carried(pictured_shop.connected) == []
    pictured_shop.picture("1", MUG)
    pictured_shop.variant_picture("1", "blue.png")
    pictured_shop.run()
    words = "variants with a picture of their own, which is not carried: 1"
    assert pictures_not_carried(pictured_shop.connected) == [words]
    assert pictured_shop.picture_in_bc("S1") == MUG, "the article's own is carried"


def test_a_picture_is_read_once_for_all_who_ask_for_it(pictured_shop: PicturedShop) -> None:
    pictured_shop.picture("1", MUG)
    source = SourcePictures(pictured_shop.settings, PRODUCTS)
    assert [source.read("a", "1") for _ in range(5)] == [MUG] * 5
    assert pictured_shop.readings() == 1
    for number in range(pictures.KEPT + 3):
        source.read(str(number), "1")
    assert len(source.kept) == pictures.KEPT, "few are held in memory"
    source.close()


def test_no_content_and_no_name_of_a_picture_is_kept_in_the_pair(pictured_shop: PicturedShop) -> None:
    pictured_shop.picture("1", MUG)
    pictured_shop.run()
    pair = Pairs(pictured_shop.settings, "products").read("picture", "winstore", ["S1"])["S1"]
    assert pair["winstore"]["content"] == pair["bc"]["content"]
    assert len(pair["winstore"]["content"]) == 12
