"""A killed load is continued where it stopped, and only where nothing can have been missed.

Source of the rules: issue 19, and behaviour.md section 7 (late commits).
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from winbc_pipeline.staging.progress import Progress, last_asked
from winbc_pipeline.staging.store import Store

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
LATE = timedelta(minutes=10)
SINCE = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "flow.duckdb")


def at(hour: int) -> datetime:
    return datetime(2026, 3, 9, hour, tzinfo=UTC)


def killed_load(store: Store, *pages: list[datetime | None], since: datetime = SINCE, asked: datetime = NOW) -> None:
    """A load that had committed these pages of `orders` when it was killed."""
    progress = Progress(store, "staging", "fields")
    progress.begin({"orders": since}, asked, LATE)
    for moments in pages:
        progress.page("orders", moments, asked)
    with store.transaction() as connection:
        progress.taken(connection, len(pages))


def begin(store: Store, since: datetime = SINCE, now: datetime = NOW, made_of: str = "fields") -> datetime:
    """From when the next load reads `orders`."""
    return Progress(store, "staging", made_of).begin({"orders": since}, now, LATE)["orders"]


def test_the_next_load_begins_where_the_killed_one_stopped(store: Store) -> None:
    killed_load(store, [at(1), at(2)], [at(2), at(3)])
    assert begin(store) == at(3)


def test_a_later_beginning_is_covered_too_and_an_earlier_one_is_not(store: Store) -> None:
    killed_load(store, [at(3)])
    assert begin(store, since=at(1)) == at(3)
    killed_load(store, [at(3)])
    assert begin(store, since=SINCE - timedelta(seconds=1)) == SINCE - timedelta(seconds=1)


def test_what_lies_behind_the_killed_load_is_read_from_where_it_was_wanted(store: Store) -> None:
    killed_load(store, [at(3)])
    assert begin(store, since=at(5)) == at(5)


def test_a_load_that_was_killed_before_its_first_commit_has_taken_nothing(store: Store) -> None:
    killed_load(store)
    assert begin(store) == SINCE


def test_a_load_that_was_continued_and_killed_again_is_continued_from_there(store: Store) -> None:
    killed_load(store, [at(1), at(3)])
    killed_load(store, [at(3), at(6)])
    assert begin(store) == at(6)
    assert begin(store) == at(6), "to begin and take nothing loses nothing"


def test_what_was_changed_just_before_the_killed_load_asked_is_read_again(store: Store) -> None:
    """A change may be committed later than it is dated (behaviour.md section 7)."""
    killed_load(store, [at(1), NOW - timedelta(seconds=1)])
    assert begin(store) == NOW - LATE


def test_a_note_of_yesterday_is_not_believed(store: Store) -> None:
    killed_load(store, [at(3)])
    assert begin(store, now=NOW + timedelta(days=1)) == SINCE


def test_a_load_of_other_fields_is_not_continued(store: Store) -> None:
    killed_load(store, [at(3)])
    assert begin(store, made_of="more fields") == SINCE


@pytest.mark.parametrize(
    "pages",
    [
        ([at(2), at(1)],),
        ([at(2)], [at(1), at(3)]),
        ([at(1), None],),
        ([at(2)], [at(1)], [at(3)]),
    ],
    ids=["in a page", "from page to page", "a record without a moment", "and once it was lost it stays so"],
)
def test_a_load_whose_records_do_not_come_in_order_is_not_continued(
    store: Store, pages: tuple[list[datetime | None], ...]
) -> None:
    killed_load(store, *pages)
    assert begin(store) == SINCE


def test_a_page_without_records_changes_nothing(store: Store) -> None:
    killed_load(store, [at(1)], [])
    assert begin(store) == at(1)


def test_each_source_is_continued_where_it_stopped_itself(store: Store) -> None:
    progress, wanted = Progress(store, "staging", "fields"), {"orders": SINCE, "invoices": SINCE}
    progress.begin(wanted, NOW, LATE)
    progress.page("orders", [at(5)], NOW)
    progress.page("invoices", [at(2)], NOW)
    progress.page("invoices", [at(4)], NOW)
    with store.transaction() as connection:
        progress.taken(connection, 2)
    assert Progress(store, "staging", "fields").begin(wanted, NOW, LATE) == {"orders": at(5), "invoices": at(2)}


def begun_behind(store: Store, late: timedelta) -> str:
    """The position of the record behind which the next load of `orders` begins."""
    progress = Progress(store, "staging", "fields")
    progress.begin({"orders": SINCE}, NOW, late)
    return progress.positions.get("orders", "")


def test_the_next_load_begins_behind_the_last_record_that_was_taken(store: Store) -> None:
    """So records of one moment, as an import leaves them, are not read again."""
    progress = Progress(store, "staging", "fields")
    progress.begin({"orders": SINCE}, NOW, LATE)
    for key in ("1", "2"):
        progress.page("orders", [at(3)], NOW, f"third hour,{key}")
    with store.transaction() as connection:
        progress.taken(connection, 1)
    assert begun_behind(store, LATE) == "third hour,1"
    assert begun_behind(store, NOW - at(2)) == "", "where the load begins earlier, nothing is left out"


def test_how_far_a_load_is_counts_what_was_taken_only(store: Store) -> None:
    progress = Progress(store, "staging", "fields")
    progress.begin({"orders": SINCE}, NOW, LATE)
    for hour in (1, 2, 3):
        progress.page("orders", [at(hour)], NOW)
    with store.transaction() as connection:
        progress.taken(connection, 2)
    assert progress.reached() == (at(1), at(2))
    progress.page("orders", [at(1)], NOW)
    assert progress.reached() == (None, None), "in no order, it is not known"


def test_pages_that_come_in_no_order_are_never_noted(store: Store) -> None:
    progress = Progress(store, "staging", "fields")
    progress.begin({"orders": SINCE}, NOW, LATE)
    progress.page("", [at(5)], NOW)
    with store.transaction() as connection:
        progress.taken(connection, 1)
    assert begin(store) == SINCE


def test_a_load_that_ended_leaves_no_note_but_when_it_asked(store: Store) -> None:
    assert last_asked(store, "staging") is None
    killed_load(store, [at(3)])
    Progress(store, "staging", "fields").end(NOW)
    assert begin(store) == SINCE
    assert last_asked(store, "staging") == NOW
