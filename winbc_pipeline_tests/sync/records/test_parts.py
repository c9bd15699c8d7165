"""What a part of a flow says about its records: only update, own the figure, refer to the parent, come after it."""

from dataclasses import replace

import pytest

from winbc_pipeline.flows.products import CATEGORY, ITEM, PRODUCTS
from winbc_pipeline.staging import ledger
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.sync.flow import Flow
from winbc_pipeline.sync.part import Part, Reference, parents_first
from winbc_pipeline.sync.run import Summary, sync
from winbc_pipeline.sync.work import Work

from ...support.sandboxes import FIRST, LAST, Sandboxes

VARIANT = Part(
    name="variant",
    entity_set="itemVariants",
    table="variant.csv",
    match=(("code", False),),
    parent="item",
    reference=Reference("itemId"),
)
VARIANT_TABLE = "target_field,source,default,when,required,note\ncode,'RED',,create,yes,\ndescription,name,,always,,\n"


def run(sandboxes: Sandboxes, flow: Flow) -> Summary:
    return sync(Work(ConnectedFlow(flow, sandboxes.settings), FIRST, LAST, "run"))


def test_a_part_that_makes_no_records_skips_what_the_target_does_not_have(sandboxes: Sandboxes) -> None:
    only_updates = replace(PRODUCTS, shape=None, parts=(replace(ITEM, creates=False),))
    sandboxes.fill(articles=[{"category": ""}])
    assert run(sandboxes, only_updates).created == 0
    (row,) = ledger.read(ConnectedFlow(only_updates, sandboxes.settings).store)
    assert (row["state"], row["reason"]) == ("SKIPPED", "MISSING_THERE")
    assert sandboxes.bc()["writes"] == []


def test_a_part_that_owns_the_figure_overwrites_what_was_typed_in_the_target(sandboxes: Sandboxes) -> None:
    owns = replace(PRODUCTS, shape=None, parts=(replace(ITEM, owns=True),))
    sandboxes.fill(articles=[{"category": ""}])
    run(sandboxes, owns)
    sandboxes.edit_item("SKU-1", unitPrice=99)
    sandboxes.fill(articles=[{"category": "", "name": "Cup", "modified_at": "2026-03-03T10:00:00.000Z"}])
    run(sandboxes, owns)
    (item,) = sandboxes.bc()["records"]["items"]
    assert (item["displayName"], item["unitPrice"]) == ("Cup", 18.5)


def test_a_child_gets_the_id_of_its_parent_even_if_it_is_named_first(sandboxes: Sandboxes) -> None:
    with_variants = replace(PRODUCTS, shape=None, parts=(VARIANT, CATEGORY, ITEM))
    table = sandboxes.own_tables() / PRODUCTS.id / "variant.csv"
    table.write_text(VARIANT_TABLE, encoding="utf-8")
    sandboxes.fill()
    assert run(sandboxes, with_variants).failed == 0
    state = sandboxes.bc()["records"]
    assert [each["itemId"] for each in state["itemVariants"]] == [state["items"][0]["id"]]


def test_parts_that_are_each_others_parents_are_a_mistake_of_the_flow() -> None:
    with pytest.raises(ValueError, match="each other's parents: category, item"):
        parents_first((replace(CATEGORY, parent="item"), replace(ITEM, parent="category")))
