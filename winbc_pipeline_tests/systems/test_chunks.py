"""The chunk rule of a read (docs/winstore-contract.md, version 2): nothing is passed over, and nothing comes twice."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from winbc_pipeline.errors import UnreadableAnswer
from winbc_pipeline.sandbox.retail import write_folder
from winbc_pipeline.sandbox.winstore import ShopOptions, create_app
from winbc_pipeline.systems.winstore import EntityProfile, Winstore, load_profile
from winbc_pipeline.systems.winstore.chunks import chunks

from ..support.sandboxes import HTTP, Sandboxes
from ..support.servers import Servers
from ..support.winstore_profiles import VERSION_1

START = datetime(2026, 3, 1, 10, tzinfo=UTC)
Row = dict[str, Any]


def profile_of(entity: str, most: int) -> EntityProfile:
    return load_profile(None).entity(entity).model_copy(update={"records_per_chunk": most})


def with_after(most: int) -> EntityProfile:
    """A profile that names the parameter for the record behind which an answer begins, as that of articles does."""
    return profile_of("customers", most).model_copy(update={"after": "after"})


def record(key: str, milliseconds: int) -> Row:
    moment = START + timedelta(milliseconds=milliseconds)
    return {"customerid": key, "modified": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")}


class Shop:
    """A Winstore that answers by the rule, and notes with which limits it was asked.

    Attributes:
        gives: the most records that it gives in one answer, whatever it is asked for.
        knows_after: whether it leaves out what stands before the record that `after` names.
    """

    def __init__(self, rows: list[Row], between: Callable[["Shop"], None] = lambda _: None) -> None:
        self.rows, self.between, self.limits = rows, between, list[int]()
        self.gives, self.knows_after = 10**6, True

    def ask(self, since: datetime, limit: int, after: str) -> list[Row]:
        assert since.microsecond == 0
        self.limits.append(limit)
        changed = [row for row in self.rows if datetime.fromisoformat(row["modified"]) >= since]
        if after and self.knows_after:
            changed = [row for row in changed if in_order(row) > tuple(after.split(","))]
        answer = sorted(changed, key=in_order)[: min(limit, self.gives)]
        self.between(self)
        return answer

    def read(self, most: int) -> list[Row]:
        return self.read_by(profile_of("customers", most))

    def read_by(self, profile: EntityProfile) -> list[Row]:
        return [row for chunk in chunks(profile, START, self.ask) for row in chunk]


def in_order(row: Row) -> tuple[str, str]:
    """By modified, then key."""
    return row["modified"], row["customerid"]


@given(st.lists(st.integers(0, 6000), max_size=40), st.integers(1, 7))
def test_each_record_comes_once_and_in_order(moments: list[int], most: int) -> None:
    rows = [record(f"{number:03}", moment) for number, moment in enumerate(moments)]
    assert Shop(rows).read(most) == sorted(rows, key=in_order)


@given(st.lists(st.integers(0, 6000), max_size=40), st.integers(1, 7), st.integers(1, 7))
def test_each_record_comes_once_however_few_an_answer_has(moments: list[int], most: int, gives: int) -> None:
    """Winstore gives two articles at a time (winstore.md section 3), and nobody has published what it is asked for."""
    shop = Shop([record(f"{number:03}", moment) for number, moment in enumerate(moments)])
    shop.gives = gives
    assert shop.read_by(with_after(most)) == sorted(shop.rows, key=in_order)
    assert len(shop.limits) <= len(moments) // min(most, gives) + 2, "nothing is asked for twice"


@given(st.lists(st.integers(0, 6000), max_size=40), st.integers(1, 7))
def test_a_winstore_that_passes_over_after_gives_each_record_once_too(moments: list[int], most: int) -> None:
    shop = Shop([record(f"{number:03}", moment) for number, moment in enumerate(moments)])
    shop.knows_after = False
    assert shop.read_by(with_after(most)) == sorted(shop.rows, key=in_order)


def test_a_second_that_fills_a_chunk_is_asked_for_again_with_twice_the_limit() -> None:
    shop = Shop([record(str(number), number) for number in range(5)] + [record("later", 2000)])
    assert [row["customerid"] for row in shop.read(2)] == ["0", "1", "2", "3", "4", "later"]
    assert shop.limits == [2, 4, 8]


def test_the_limit_is_the_usual_one_again_in_the_next_second() -> None:
    shop = Shop([record(str(number), number) for number in range(3)] + [record("a", 2000), record("b", 3000)])
    shop.read(2)
    assert shop.limits == [2, 4, 2, 2]


def test_a_record_that_changes_while_it_is_read_moves_on_and_hides_no_other() -> None:
    """With pages, the record that follows a changed one is passed over."""

    def change(shop: Shop) -> None:
        if len(shop.limits) == 1:
            shop.rows[0] = record("0", 9000)

    shop = Shop([record(str(number), number * 1000) for number in range(5)], change)
    assert [row["customerid"] for row in shop.read(2)] == ["0", "1", "2", "3", "4", "0"]


def test_a_record_that_changes_comes_again_behind_the_others() -> None:
    def change(shop: Shop) -> None:
        if len(shop.limits) == 1:
            shop.rows[0] = record("0", 9000)

    shop = Shop([record(str(number), 0) for number in range(5)], change)
    shop.gives = 2
    assert [row["customerid"] for row in shop.read_by(with_after(1000))] == ["0", "1", "2", "3", "4", "0"]


def test_a_record_without_a_moment_does_not_end_the_read() -> None:
    answers = iter([[record("1", 0), {"customerid": "2"}], [record("3", 0)], []])
    found = chunks(with_after(1000), START, lambda *_: next(answers))
    assert [row["customerid"] for chunk in found for row in chunk] == ["1", "2", "3"]


def test_two_records_that_look_alike_both_come() -> None:
    """An order that was handed in twice is there twice, and both may have been taken in one moment."""
    twins = [record("1", 0), record("1", 0), record("2", 1000)]
    assert Shop(twins).read(2) == twins


def test_an_empty_answer_is_one_empty_chunk() -> None:
    assert list(chunks(profile_of("customers", 2), START, Shop([]).ask)) == [[]]


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([record("1", 0), {"customerid": "2"}], "has no modified"),
        ([record("1", 0), record("2", 0) | {"modified": "noon"}], "has no modified"),
        ([record("1", 2000), record("2", 0)], "not ordered by modified"),
    ],
)
def test_a_full_chunk_that_does_not_say_where_the_next_begins_is_refused(rows: list[Row], words: str) -> None:
    with pytest.raises(UnreadableAnswer, match=words):
        list(chunks(profile_of("customers", 2), START, lambda *_: rows))


def fill(sandboxes: Sandboxes) -> None:
    """Five records of each entity, in three seconds, and two variants of each article."""
    seconds = ["10:00:00.100", "10:00:01.000", "10:00:01.500", "10:00:01.500", "10:00:02.000"]
    moments = [{"modified_at": f"2026-03-03T{second}Z"} for second in seconds]
    stock = {"quantity": "0", "reserved": "0", "warehouse": "1"}
    write_folder(
        sandboxes.folder / "retail", {"stock": [stock | {"sku": f"S{n}"} | row for n, row in enumerate(moments)]}
    )
    sandboxes.fill(
        customers=[{"customer_id": str(n)} | row for n, row in enumerate(moments)],
        articles=[
            {"article_key": str(n), "sku": f"S{n}{size}", "size": size} | row
            for n, row in enumerate(moments)
            for size in "ML"
        ],
        orders=[{"order_number": f"W{n}"} | row for n, row in enumerate(moments)],
    )


@pytest.mark.parametrize("most", [1, 2, 3])
@pytest.mark.parametrize("entity", ["articles", "customers", "stock", "orders", "order_status"])
def test_chunks_give_what_one_answer_gives(sandboxes: Sandboxes, entity: str, most: int) -> None:
    fill(sandboxes)
    winstore = Winstore(sandboxes.settings)
    whole = [row for page in winstore.changed_since(entity, START) for row in page]
    reads = winstore.profile.reads | {entity: profile_of(entity, most)}
    winstore.profile = winstore.profile.model_copy(update={"reads": reads})
    assert len(whole) == (10 if entity == "articles" else 5)
    assert [row for page in winstore.changed_since(entity, START) for row in page] == whole
    winstore.close()


def test_a_profile_of_version_1_reads_in_pages(sandboxes: Sandboxes) -> None:
    fill(sandboxes)
    winstore = Winstore(sandboxes.settings)
    paged = load_profile(VERSION_1).entity("customers").model_copy(update={"records_per_page": 2})
    winstore.profile = load_profile(VERSION_1).model_copy(update={"reads": {"customers": paged}})
    pages = list(winstore.changed_since("customers", START))
    winstore.close()
    assert [[row["customerid"] for row in page] for page in pages] == [["0", "1"], ["2", "3"], ["4"]]


def test_all_articles_of_one_second_come_two_at_a_time(sandboxes: Sandboxes, servers: Servers) -> None:
    servers.winstore.replace(create_app(None, ShopOptions(articles_per_call=2)))
    moment = {"modified_at": "2026-03-03T10:00:00.000Z"}
    sandboxes.fill(articles=[{"article_key": str(n), "sku": f"S{n}"} | moment for n in range(5)])
    winstore = Winstore(sandboxes.settings)
    pages = [[row["artkey"] for row in page] for page in winstore.changed_since("articles", START)]
    winstore.close()
    assert pages == [["0", "1"], ["2", "3"], ["4"], []]


def test_a_read_begins_behind_a_record(sandboxes: Sandboxes) -> None:
    fill(sandboxes)
    winstore = Winstore(sandboxes.settings)
    behind = "2026-03-03T10:00:01.500Z,2"
    assert [row["sku"] for page in winstore.changed_since("articles", START, behind) for row in page] == [
        "S3M",
        "S3L",
        "S4M",
        "S4L",
    ]
    winstore.close()


@pytest.mark.parametrize("query", ["limit=0", "limit=many", "page=2?pagesize=-1", "after=10"])
def test_a_wrong_part_is_refused(sandboxes: Sandboxes, query: str) -> None:
    url = f"{sandboxes.addresses.winstore_base}/GetCustomerChangesByDate?date=2024-01-01T00:00:00Z?{query}"
    assert "<statuscode>400</statuscode>" in HTTP.get(url, auth=("winstore", "sandbox-secret")).text


def test_rows_without_stock_do_not_count_against_the_limit(sandboxes: Sandboxes) -> None:
    """Else a chunk would look like the last one."""
    moment = {"modified_at": "2026-03-03T10:00:00.000Z", "reserved": "0", "warehouse": "1"}
    rows = [moment | {"sku": f"S{n}", "quantity": str(n)} for n in range(3)]
    sandboxes.fill()
    write_folder(sandboxes.folder / "retail", {"stock": rows})
    sandboxes.seed(sandboxes.folder / "retail")
    url = f"{sandboxes.addresses.winstore_base}/GetChangedStockWithWarehouse?date=2024-01-01T00:00:00Z?limit=2"
    answer = HTTP.get(url, auth=("winstore", "sandbox-secret"), headers={"Accept": "application/json"})
    assert [row["sku"] for row in answer.json()["stocks"]["stock"]] == ["S1", "S2"]
