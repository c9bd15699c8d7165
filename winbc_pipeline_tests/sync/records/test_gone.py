"""A record that its source no longer has is told of, and nothing else happens to it (issue 19).

"Not newer", skipped or an error is never gone: another connector deleted variants that way (microsoft/BCApps 9313).
"""

from datetime import timedelta

import pytest

from winbc_pipeline.errors import SourceShrank, WinbcError
from winbc_pipeline.settings import GuardSettings
from winbc_pipeline.staging import ledger
from winbc_pipeline.sync import crash_points
from winbc_pipeline.sync.flow import BLOCK
from winbc_pipeline.workbench.checks import checks
from winbc_pipeline.workbench.trace import trace

from ...support.in_process import Killed
from ...support.order_sandboxes import BC, WINSTORE
from ...support.shops.product_shop import ProductShop
from ...support.shops.product_shop import gone_shop as gone_shop

pytestmark = pytest.mark.proof


def loses_a_sku(shop: ProductShop) -> None:
    shop.article("1", "S9")


def test_nothing_is_gone_while_winstore_has_everything(gone_shop: ProductShop) -> None:
    gone_shop.run()
    assert gone_shop.gone() == {}


def test_an_inactive_article_is_reported_until_it_is_active_again(gone_shop: ProductShop) -> None:
    gone_shop.article("1", "S1", active="false")
    gone_shop.run()
    assert gone_shop.gone() == {"INACTIVE": ["S1"]}
    gone_shop.article("1", "S1")
    gone_shop.run()
    assert gone_shop.gone() == {}


def test_an_inactive_article_that_was_never_sent_is_not_reported(gone_shop: ProductShop) -> None:
    gone_shop.article("4", active="false")
    gone_shop.article("5", "S5", price="", active="false")
    gone_shop.run()
    assert gone_shop.gone() == {}


def test_a_sku_that_the_newest_answer_for_its_article_lacks_is_reported_until_it_is_back(
    gone_shop: ProductShop,
) -> None:
    loses_a_sku(gone_shop)
    gone_shop.run_later()
    assert gone_shop.gone() == {"MISSING_SKU": ["S1"]}
    gone_shop.article("1", "S1")
    gone_shop.run_later()
    assert gone_shop.gone() == {"MISSING_SKU": ["S9"]}


def test_a_sku_that_moved_to_another_article_is_not_gone(gone_shop: ProductShop) -> None:
    gone_shop.article("1", "S8")
    gone_shop.article("4", "S1")
    gone_shop.run_later()
    assert gone_shop.gone() == {}


def test_a_sku_that_moves_in_a_later_read_is_not_gone_any_more(gone_shop: ProductShop) -> None:
    gone_shop.article("1", "S8")
    gone_shop.run_later()
    gone_shop.article("4", "S1")
    gone_shop.run_later()
    assert gone_shop.gone() == {}


def test_an_older_answer_says_nothing_about_a_sku(gone_shop: ProductShop) -> None:
    gone_shop.article("1", "S9", modified_at="2026-03-02T10:00:00.000Z")
    gone_shop.run()
    assert gone_shop.gone() == {}
    assert "S1" in gone_shop.staged()


@pytest.mark.parametrize("variants", [None, ""])
def test_an_answer_that_does_not_tell_the_variants_says_nothing_about_a_sku(
    gone_shop: ProductShop, variants: str
) -> None:
    gone_shop.article("1", "S1")
    record = gone_shop.winstore_app.state.records.get("articles", "1")
    gone_shop.winstore_app.state.records.insert_many("articles", [("1", record | {"variants": variants})])
    gone_shop.run()
    assert gone_shop.gone() == {}
    assert "S1" in gone_shop.staged()


def test_a_whole_answer_without_any_sku_says_that_the_sku_is_gone(gone_shop: ProductShop) -> None:
    gone_shop.article("1")
    gone_shop.run()
    assert gone_shop.gone() == {"MISSING_SKU": ["S1"]}


def test_an_article_that_a_whole_read_did_not_give_is_reported_until_it_is_back(gone_shop: ProductShop) -> None:
    record = gone_shop.winstore_app.state.records.get("articles", "1")
    gone_shop.vanishes("1")
    gone_shop.run()
    assert gone_shop.gone() == {"MISSING_ARTICLE": ["S1"]}
    gone_shop.winstore_app.state.records.insert_many("articles", [("1", record)])
    gone_shop.run()
    assert gone_shop.gone() == {}


def test_an_article_that_is_back_in_a_read_of_today_is_not_gone_any_more(gone_shop: ProductShop) -> None:
    gone_shop.vanishes("1")
    gone_shop.run()
    gone_shop.article("1", "S1")
    gone_shop.run_later()
    assert gone_shop.gone() == {}


def test_a_read_of_some_days_misses_no_article(gone_shop: ProductShop) -> None:
    gone_shop.vanishes("1")
    gone_shop.pass_time(timedelta(days=1).total_seconds())
    gone_shop.article("2", "S2", name="Cup")
    gone_shop.run_later()
    assert gone_shop.gone() == {}


def test_an_article_older_than_the_start_of_history_is_not_missed(gone_shop: ProductShop) -> None:
    gone_shop.pass_time(timedelta(days=2).total_seconds())
    gone_shop.article("2", "S2", name="Cup")
    later = {"history_start": gone_shop.now.date()}
    gone_shop.settings = gone_shop.settings.model_copy(update=later)
    gone_shop.run_later()
    assert gone_shop.gone() == {}


def test_an_article_without_a_modification_moment_is_not_missed(gone_shop: ProductShop) -> None:
    gone_shop.vanishes("1")
    with gone_shop.connected.store.open() as connection:
        connection.execute("UPDATE staging_winstore_articles SET modified = NULL WHERE _key = 'S1'")
    gone_shop.run()
    assert gone_shop.gone() == {}


def test_a_read_that_failed_misses_no_article(gone_shop: ProductShop) -> None:
    gone_shop.vanishes("1")
    gone_shop.fault(WINSTORE, {"kind": "status", "status": 403, "path": "GetArticleDataChangesByDate", "times": 9})
    with pytest.raises(WinbcError):
        gone_shop.run()
    assert gone_shop.gone() == {}


def test_a_read_that_the_guard_refused_misses_no_article(gone_shop: ProductShop) -> None:
    gone_shop.settings = gone_shop.settings.model_copy(update={"guards": GuardSettings()})
    gone_shop.run()
    for key in ("1", "2"):
        gone_shop.vanishes(key)
    with pytest.raises(SourceShrank):
        gone_shop.run()
    assert gone_shop.gone() == {}


def test_a_read_that_gave_nothing_misses_no_article_even_without_the_guard(gone_shop: ProductShop) -> None:
    for key in ("1", "2", "3"):
        gone_shop.vanishes(key)
    assert gone_shop.run().read == 3  # what was staged before is mapped again
    assert gone_shop.gone() == {}


def test_what_is_gone_leaves_the_ledger_and_the_target_as_they_are(gone_shop: ProductShop) -> None:
    def outcomes() -> list[tuple[object, ...]]:
        rows = [gone_shop.row(key) for key in ("S1", "S2")]
        return [(row["state"], row["target_id"], row["hash"]) for row in rows]

    before, writes = outcomes(), gone_shop.writes()
    gone_shop.vanishes("1")
    gone_shop.article("2", "S2", active="false")
    gone_shop.run()
    assert outcomes() == before
    assert not gone_shop.has_row("S1")
    assert gone_shop.writes_since(writes) == []


def test_with_nothing_nobody_is_told_and_nothing_is_written(gone_shop: ProductShop) -> None:
    gone_shop.chooses("nothing")
    writes = gone_shop.writes()
    gone_shop.article("1", "S1", active="false")
    gone_shop.vanishes("2")
    gone_shop.run()
    assert gone_shop.gone() == {}
    assert gone_shop.writes_since(writes) == []


def test_check_names_what_is_gone(gone_shop: ProductShop) -> None:
    gone_shop.article("1", "S1", active="false")
    gone_shop.run()
    (check,) = [each for each in checks(gone_shop.settings) if each.name == "Gone records of products_winstore_to_bc"]
    found = check.run()
    assert found.looked_at == "1 to report"
    assert found.warnings == ("INACTIVE: 1 records are in the target and inactive in the source: S1",)


def test_ten_records_are_named_and_all_are_counted(gone_shop: ProductShop) -> None:
    for number in range(10, 22):
        gone_shop.article(str(number), f"S{number}")
    gone_shop.run()
    for number in range(10, 22):
        gone_shop.article(str(number), f"S{number}", active="false")
    gone_shop.run()
    (check,) = [each for each in checks(gone_shop.settings) if each.name.startswith("Gone records")]
    (words,) = check.run().warnings
    assert words.startswith("INACTIVE: 12 records ")
    assert words.endswith("S10, S11, S12, S13, S14, S15, S16, S17, S18, S19 …")


# Blocking.


def test_what_is_gone_is_blocked_by_a_planned_update_with_its_reason(gone_shop: ProductShop) -> None:
    gone_shop.chooses("block")
    loses_a_sku(gone_shop)
    gone_shop.article("2", "S2", active="false")
    gone_shop.vanishes("3")
    planned = {row["key"]: (row["action"], row["reason"], row["body"]) for row in gone_shop.plan()}
    assert planned == {
        "S1": ("update", "MISSING_SKU", '{"blocked":true}'),
        "S2": ("update", "INACTIVE", '{"blocked":true}'),
        "S3": ("update", "MISSING_ARTICLE", '{"blocked":true}'),
    }
    gone_shop.run()
    assert all(map(gone_shop.is_blocked, ("S1", "S2", "S3")))
    assert not gone_shop.is_blocked("S9")
    assert gone_shop.gone() == {}


def test_a_second_run_blocks_nothing_again_even_if_a_person_unblocked_it(gone_shop: ProductShop) -> None:
    gone_shop.chooses("block")
    loses_a_sku(gone_shop)
    gone_shop.run()
    gone_shop.person_sets("S1", blocked=False)
    writes = gone_shop.writes()
    gone_shop.run()
    assert gone_shop.writes_since(writes) == []


def test_what_is_back_is_unblocked(gone_shop: ProductShop) -> None:
    gone_shop.chooses("block")
    record = gone_shop.winstore_app.state.records.get("articles", "3")
    loses_a_sku(gone_shop)
    gone_shop.article("2", "S2", active="false")
    gone_shop.vanishes("3")
    gone_shop.run()
    gone_shop.article("1", "S1", "S9")
    gone_shop.article("2", "S2")
    gone_shop.winstore_app.state.records.insert_many("articles", [("3", record)])
    gone_shop.run()
    assert not any(map(gone_shop.is_blocked, ("S1", "S2", "S3")))
    assert {gone_shop.row(sku, BLOCK)["reason"] for sku in ("S1", "S2", "S3")} == {"BACK"}
    writes = gone_shop.writes()
    gone_shop.run()
    assert gone_shop.writes_since(writes) == []


@pytest.mark.parametrize("was_blocked", [True, False])
def test_what_a_person_has_settled_is_neither_blocked_nor_unblocked(gone_shop: ProductShop, was_blocked: bool) -> None:
    gone_shop.chooses("block" if was_blocked else "report")
    loses_a_sku(gone_shop)
    gone_shop.run()
    gone_shop.chooses("block")
    ignored = ledger.Move("item", "S1", ledger.State.SKIPPED, {"reason": "IGNORED"})
    ledger.move(gone_shop.connected.store, [ignored], "by hand")
    gone_shop.run()
    assert gone_shop.is_blocked("S1") == was_blocked
    assert gone_shop.gone() == {}


def test_what_a_person_had_blocked_is_never_unblocked(gone_shop: ProductShop) -> None:
    gone_shop.chooses("block")
    gone_shop.person_sets("S1", blocked=True)
    loses_a_sku(gone_shop)
    gone_shop.run()
    gone_shop.article("1", "S1")
    gone_shop.run()
    assert gone_shop.is_blocked("S1")


def test_what_is_gone_a_second_time_is_blocked_a_second_time(gone_shop: ProductShop) -> None:
    gone_shop.chooses("block")
    for active in ("false", "true", "false"):
        gone_shop.article("1", "S1", active=active)
        gone_shop.run()
        assert gone_shop.is_blocked("S1") == (active == "false")


def test_what_was_gone_before_blocking_was_chosen_is_blocked_by_the_next_run(gone_shop: ProductShop) -> None:
    loses_a_sku(gone_shop)
    gone_shop.run()
    assert not gone_shop.is_blocked("S1")
    gone_shop.chooses("block")
    gone_shop.pass_time(timedelta(days=3).total_seconds())
    gone_shop.run_later()
    assert gone_shop.is_blocked("S1")


def test_what_was_blocked_is_unblocked_when_it_is_back_whatever_the_settings_say_by_then(
    gone_shop: ProductShop,
) -> None:
    gone_shop.chooses("block")
    loses_a_sku(gone_shop)
    gone_shop.run()
    gone_shop.chooses("nothing")
    gone_shop.run()
    assert gone_shop.is_blocked("S1")
    gone_shop.article("1", "S1")
    gone_shop.run()
    assert not gone_shop.is_blocked("S1")


def test_a_block_whose_answer_was_lost_is_ours(gone_shop: ProductShop) -> None:
    gone_shop.chooses("block")
    loses_a_sku(gone_shop)
    gone_shop.run()  # sends the new S9 too; the next run has nothing but the block of S2
    gone_shop.article("2", "S2", active="false")
    gone_shop.fault(BC, {"kind": "drop_after", "path": "$batch", "times": 1})
    gone_shop.run()
    gone_shop.fault(BC)
    assert gone_shop.is_blocked("S2")
    assert gone_shop.row("S2", "block")["state"] == ledger.State.UNKNOWN
    gone_shop.run()
    assert gone_shop.row("S2", "block")["state"] == ledger.State.CONFIRMED
    gone_shop.article("2", "S2")
    gone_shop.run()
    assert not gone_shop.is_blocked("S2")


@pytest.mark.parametrize("point", ["before record intent", "after record intent", "after record answer"])
def test_a_run_that_dies_while_it_blocks_is_finished_by_the_next_one(gone_shop: ProductShop, point: str) -> None:
    gone_shop.chooses("block")
    gone_shop.article("2", "S2", active="false")
    writes = gone_shop.writes()
    crash_points.armed[point] = 1
    try:
        with pytest.raises(Killed):
            gone_shop.run()
    finally:
        crash_points.armed.clear()
    gone_shop.run()
    assert gone_shop.writes_since(writes) == [("PATCH", {"blocked": True})]
    assert gone_shop.row("S2", "block")["state"] == ledger.State.CONFIRMED
    gone_shop.article("2", "S2")
    gone_shop.run()
    assert not gone_shop.is_blocked("S2")


def test_trace_tells_why_an_item_is_blocked(gone_shop: ProductShop) -> None:
    gone_shop.chooses("block")
    loses_a_sku(gone_shop)
    gone_shop.run()
    told = " ".join(f"{step.what} {step.detail}" for step in trace(gone_shop.connected, "S1"))
    assert "block S1: planned" in told
    assert "MISSING_SKU" in told


def test_an_edit_and_a_block_in_one_run_both_arrive(gone_shop: ProductShop) -> None:
    gone_shop.chooses("block")
    gone_shop.article("1", "S1", name="Cup", active="false")
    gone_shop.run()
    assert (gone_shop.item("S1")["displayName"], gone_shop.is_blocked("S1")) == ("Cup", True)
    assert gone_shop.row("S1", "block")["state"] == ledger.State.CONFIRMED


def test_many_blocks_wait_for_a_person_and_are_counted_as_blocks(gone_shop: ProductShop) -> None:
    gone_shop.chooses("block")
    gone_shop.settings = gone_shop.settings.model_copy(update={"guards": GuardSettings(at_least=2, share_percent=0)})
    for key in ("1", "2", "3"):
        gone_shop.article(key, f"S{key}", active="false")
    with pytest.raises(WinbcError, match=r"0 records to create, 3 to update \(3 of them to block\)"):
        gone_shop.run()
    assert not gone_shop.is_blocked("S1")
    for key in ("1", "2", "3"):
        gone_shop.article(key, f"S{key}")
    gone_shop.run()
    assert ledger.read(gone_shop.connected.store, "state = 'PLANNED'") == []


def test_an_item_that_a_person_deleted_is_not_made_again_to_be_blocked(gone_shop: ProductShop) -> None:
    gone_shop.chooses("block")
    gone_shop.by_person("DELETE", f"items({gone_shop.item('S1')['id']})")
    gone_shop.vanishes("1")
    gone_shop.run()
    assert gone_shop.row("S1", "block")["reason"] == "MISSING_THERE"
    assert "S1" not in {each["number"] for each in gone_shop.records("items")}


@pytest.mark.parametrize("choice", ["nothing", "report", "block"])
def test_nothing_is_ever_deleted_in_the_target(gone_shop: ProductShop, choice: str) -> None:
    gone_shop.chooses(choice)
    loses_a_sku(gone_shop)
    gone_shop.article("2", "S2", active="false")
    gone_shop.vanishes("3")
    gone_shop.run()
    gone_shop.run()
    verbs = {method for method, _ in gone_shop.writes_since(0)}
    assert verbs == {"POST", "PATCH"} if choice == "block" else verbs == {"POST"}
    assert {"S1", "S2", "S3", "S9"} <= {each["number"] for each in gone_shop.records("items")}
