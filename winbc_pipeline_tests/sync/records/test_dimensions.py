"""A default dimension is a field of the item: compared like any other, and written after the item, whatever happens.

Source: API v2.0, defaultDimension (items({id})/defaultDimensions takes POST and PATCH); dimensions and their values are
read-only there; rules.md "What moves lastModifiedDateTime and ETag of an item".
"""

import pytest

from winbc_pipeline.errors import ConfigurationError
from winbc_pipeline.sync import crash_points
from winbc_pipeline.sync.crash_points import POINTS_BESIDE, POINTS_OF_RECORDS
from winbc_pipeline.sync.plan_table import planned_rows
from winbc_pipeline.sync.run import dry_run, push_windows
from winbc_pipeline.systems.business_central import BusinessCentral
from winbc_pipeline.workbench.missing_rows import missing_dimension_values
from winbc_pipeline.workbench.readiness import check_ready

from ...support.in_process import Killed
from ...support.order_sandboxes import BC
from ...support.shops.product_shop import ProductShop
from ...support.shops.product_shop import gone_shop as gone_shop

pytestmark = pytest.mark.proof

BATCH = {"path": "$batch", "method": "POST"}


def place(shop: ProductShop, row: str = "branch,supplierid,dimension BRANCH,always,") -> None:
    """Puts the only row into features.csv."""
    shop._own_tables()
    path = shop.settings.mapping_folder / shop.connected.flow.id / "features.csv"
    path.write_text(f"name,source,place,when,note\n{row}\n", encoding="utf-8")


def dimensions(shop: ProductShop, number: str) -> dict[str, str]:
    """The default dimensions of an item: the code of the value by the dimension's code."""
    own = shop.item(number)["id"]
    rows = [each for each in shop.records("defaultDimensions") if each["parentId"] == own]
    found = {each["dimensionCode"]: each["dimensionValueCode"] for each in rows}
    assert len(found) == len(rows)
    return found


def person_gives(shop: ProductShop, number: str, value: str) -> None:
    """A user of Business Central gives an item another branch."""
    shop.pass_time(1)
    own = shop.item(number)["id"]
    ids = {each["code"]: each["id"] for each in shop.records("dimensions")}
    values = {e["code"]: e["id"] for e in shop.records("dimensionValues") if e["dimensionId"] == ids["BRANCH"]}
    there = next((each for each in shop.records("defaultDimensions") if each["parentId"] == own), None)
    path, body = f"items({own})/defaultDimensions", {"dimensionValueId": values[value]}
    if there:
        answer = shop.by_person("PATCH", f"{path}({there['id']})", body)
    else:
        answer = shop.by_person("POST", path, body | {"dimensionId": ids["BRANCH"]})
    assert answer.status_code < 300, answer.text


def dies_at(shop: ProductShop, point: str) -> bool:
    crash_points.armed[point] = 1
    try:
        shop.run()
    except Killed:
        return True
    finally:
        crash_points.armed.clear()
    return False


def blocks_branch_2(shop: ProductShop, blocked: bool) -> None:
    """A user of Business Central blocks a dimension value, or unblocks it."""
    shop._control(BC, "seed", {"settings": {"dimensionValues": {"BRANCH/2": {"blocked": blocked}}}})


def test_a_new_item_gets_its_dimension_in_the_run_that_makes_it(gone_shop: ProductShop) -> None:
    place(gone_shop)
    gone_shop.article("9", "S9", supplier_id="2")
    assert gone_shop.run().created == 1
    assert dimensions(gone_shop, "S9") == {"BRANCH": "2"}
    assert gone_shop.row("S9")["state"] == "CONFIRMED"


def test_a_changed_value_is_the_only_write_and_the_item_is_not_touched(gone_shop: ProductShop) -> None:
    place(gone_shop)
    gone_shop.run()
    before, item = gone_shop.writes(), gone_shop.item("S1")
    gone_shop.article("1", "S1", supplier_id="2")
    assert gone_shop.run().updated == 1
    assert dimensions(gone_shop, "S1") == {"BRANCH": "2"}
    assert [method for method, _ in gone_shop.writes_since(before)] == ["PATCH"]
    assert gone_shop.item("S1") == item


def test_a_rerun_writes_nothing(gone_shop: ProductShop) -> None:
    place(gone_shop)
    gone_shop.run()
    before = gone_shop.writes()
    gone_shop.run()
    gone_shop.article("1", "S1")  # the same, modified later
    gone_shop.run()
    assert gone_shop.writes() == before


def test_the_plan_shows_the_dimension_as_a_field_with_its_old_value(gone_shop: ProductShop) -> None:
    person_gives(gone_shop, "S1", "3")
    place(gone_shop)
    gone_shop.plan()
    (row,) = [each for each in planned_rows(gone_shop.work(), "item") if each["key"] == "S1"]
    assert '"field":"dimension.BRANCH","old":"3","new":"1"' in row["changes"]


def test_a_value_that_becomes_empty_in_the_source_is_emptied(gone_shop: ProductShop) -> None:
    place(gone_shop)
    gone_shop.run()
    gone_shop.article("1", "S1", supplier_id="")
    gone_shop.run()
    assert dimensions(gone_shop, "S1") == {"BRANCH": ""}


def test_an_edit_in_business_central_stays_while_the_source_says_the_same(gone_shop: ProductShop) -> None:
    """The edit moves no ETag of the item, and is seen all the same."""
    place(gone_shop)
    gone_shop.run()
    person_gives(gone_shop, "S1", "3")
    gone_shop.article("1", "S1", price="20")
    gone_shop.run()
    assert dimensions(gone_shop, "S1") == {"BRANCH": "3"}
    assert gone_shop.item("S1")["unitPrice"] == 20


def test_when_both_changed_the_outcome_says_whose_value_was_sent(gone_shop: ProductShop) -> None:
    place(gone_shop)
    gone_shop.run()
    person_gives(gone_shop, "S1", "3")
    gone_shop.article("1", "S1", supplier_id="2")
    gone_shop.run()
    assert gone_shop.row("S1")["message"] == "changed on both sides, the source's value is sent: dimension.BRANCH"
    assert dimensions(gone_shop, "S1") == {"BRANCH": "2"}


@pytest.mark.parametrize(
    ("row", "there", "becomes"),
    [
        ("branch,supplierid,dimension BRANCH,fill_empty,", "3", "3"),
        ("branch,supplierid,dimension BRANCH,fill_empty,", "", "1"),
        ("branch,supplierid,dimension BRANCH,update,", "3", "1"),
        ("branch,supplierid,dimension BRANCH,create,", "", None),
        ("branch,supplierid,dimension BRANCH,never,", "", None),
        ("branch,'2',dimension branch,,", "", "2"),
    ],
)
def test_an_existing_item_gets_it_as_the_row_says(
    gone_shop: ProductShop, row: str, there: str, becomes: str | None
) -> None:
    if there:
        person_gives(gone_shop, "S1", there)
    place(gone_shop, row)
    gone_shop.article("1", "S1", price="20")
    gone_shop.run()
    assert dimensions(gone_shop, "S1").get("BRANCH") == becomes


def test_the_owner_target_keeps_what_people_chose(gone_shop: ProductShop) -> None:
    person_gives(gone_shop, "S1", "3")
    gone_shop._own_tables()
    path = gone_shop.settings.mapping_folder / gone_shop.connected.flow.id / "features.csv"
    path.write_text("name,source,place,when,owner\nbranch,supplierid,dimension BRANCH,,target\n", encoding="utf-8")
    gone_shop.run()
    assert dimensions(gone_shop, "S1") == {"BRANCH": "3"}
    assert (gone_shop.row("S1")["reason"], gone_shop.row("S1")["message"]) == ("DRIFT", "dimension.BRANCH")


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("x,'77',dimension BRANCH,,", "dimension.BRANCH: the dimension has no value `77`; add it in Business Central"),
        ("x,'1',dimension NOPE,,", "dimension.NOPE: Business Central has no dimension NOPE"),
    ],
)
def test_a_code_that_business_central_lacks_fails_the_record_and_names_it(
    gone_shop: ProductShop, row: str, words: str
) -> None:
    place(gone_shop, row)
    gone_shop.article("9", "S9")
    gone_shop.run()
    found = gone_shop.row("S9")
    assert (found["state"], found["reason"]) == ("FAILED", "RELATION_MISSING")
    assert words in found["message"]
    assert "S9" not in {each["number"] for each in gone_shop.records("items")}


def test_winbc_check_names_the_dimension_and_the_value_that_are_not_there(gone_shop: ProductShop) -> None:
    place(gone_shop, "x,'1',dimension NOPE,,\ny,'77',dimension BRANCH,,")
    target = BusinessCentral(gone_shop.settings)
    with pytest.raises(ConfigurationError) as raised:
        check_ready(gone_shop.connected, target)
    assert "features.csv row 2: there is no dimension NOPE" in str(raised.value)
    assert "features.csv row 3: dimension BRANCH has no 77 (column source)" in str(raised.value)


@pytest.mark.parametrize("nth", [1, 2, 3])
@pytest.mark.parametrize("kind", ["drop_before", "drop_after", "status", "status_after"])
def test_a_lost_call_leaves_one_item_with_one_dimension_in_the_end(gone_shop: ProductShop, kind: str, nth: int) -> None:
    """The calls: the item, what it has, its dimension. A row of new records alone is the hardest to finish later."""
    place(gone_shop, "branch,supplierid,dimension BRANCH,create,")
    gone_shop.run()
    gone_shop.article("9", "S9", supplier_id="2")
    gone_shop.fault(BC, BATCH | {"kind": kind, "status": 503, "nth": nth, "times": 1})
    gone_shop.run()
    assert gone_shop.waiting_faults(BC) == [], "the fault befell its call"
    gone_shop.pass_time(21 * 60)
    gone_shop.run()
    assert gone_shop.row("S9")["state"] == "CONFIRMED"
    assert dimensions(gone_shop, "S9") == {"BRANCH": "2"}
    assert len([each for each in gone_shop.records("items") if each["number"] == "S9"]) == 1


@pytest.mark.parametrize("point", [*POINTS_BESIDE, *POINTS_OF_RECORDS])
def test_a_run_that_dies_leaves_one_item_with_one_dimension_in_the_end(gone_shop: ProductShop, point: str) -> None:
    place(gone_shop, "branch,supplierid,dimension BRANCH,create,")
    gone_shop.run()
    gone_shop.article("9", "S9", supplier_id="2")
    assert dies_at(gone_shop, point)
    gone_shop.run()
    assert dimensions(gone_shop, "S9") == {"BRANCH": "2"}
    assert gone_shop.row("S9")["state"] == "CONFIRMED"
    before = gone_shop.writes()
    gone_shop.run()
    assert gone_shop.writes() == before


def test_a_refused_dimension_fails_its_record_alone_and_is_sent_once_it_is_allowed(gone_shop: ProductShop) -> None:
    place(gone_shop)
    gone_shop.run()
    blocks_branch_2(gone_shop, True)
    gone_shop.article("8", "S8", supplier_id="1")
    gone_shop.article("9", "S9", supplier_id="2")
    assert gone_shop.run().failed == 1
    row = gone_shop.row("S9")
    assert (row["state"], row["reason"]) == ("FAILED", "BC_REFUSED")
    assert "is blocked" in row["message"]
    assert row["target_id"] == gone_shop.item("S9")["id"]
    assert dimensions(gone_shop, "S8") == {"BRANCH": "1"}
    blocks_branch_2(gone_shop, False)
    gone_shop.run()
    assert dimensions(gone_shop, "S9") == {"BRANCH": "2"}


def test_a_dimension_that_somebody_changes_while_it_is_sent_is_planned_again(gone_shop: ProductShop) -> None:
    place(gone_shop)
    gone_shop.run()
    gone_shop.article("1", "S1", supplier_id="2")
    work = gone_shop.work()
    dry_run(work)
    person_gives(gone_shop, "S1", "3")
    push_windows(work)
    assert gone_shop.row("S1")["message"] == "changed on both sides, the source's value is sent: dimension.BRANCH"
    assert dimensions(gone_shop, "S1") == {"BRANCH": "2"}


def test_a_value_that_is_deleted_after_the_plan_fails_its_record_and_no_other(gone_shop: ProductShop) -> None:
    place(gone_shop)
    gone_shop.article("8", "S8", supplier_id="1")
    gone_shop.article("9", "S9", supplier_id="2")
    work = gone_shop.work()
    dry_run(work)
    value = next(each for each in gone_shop.records("dimensionValues") if each["code"] == "2")
    gone_shop.bc_app.state.records.delete("dimensionValues", value["id"])
    push_windows(work)
    row = gone_shop.row("S9")
    assert (row["state"], row["reason"]) == ("FAILED", "RELATION_MISSING")
    assert "dimension.BRANCH: the dimension has no value `2`" in row["message"]
    assert dimensions(gone_shop, "S8") == {"BRANCH": "1"}


def test_a_value_that_the_company_lacks_is_named_by_check_before_anything_is_sent(gone_shop: ProductShop) -> None:
    place(gone_shop)
    gone_shop.article("8", "S8", supplier_id="77")
    gone_shop.article("9", "S9", supplier_id="2")
    dry_run(gone_shop.work())
    target = BusinessCentral(gone_shop.settings)
    try:
        found = missing_dimension_values(gone_shop.connected, target)
    finally:
        target.close()
    assert found == ["features.csv row 2: dimension BRANCH has no 77 (1 records), which staged records have"]
