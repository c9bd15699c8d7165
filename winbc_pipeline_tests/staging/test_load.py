"""Staging keeps the newest version of every record, typed, whatever comes in which order."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from winbc_pipeline.errors import UnreadableAnswer
from winbc_pipeline.staging import spool
from winbc_pipeline.staging.load import StagingTable, load
from winbc_pipeline.staging.store import Store, rows_of

TABLE = StagingTable(
    "articles", {"sku": "text", "price": "decimal", "active": "boolean", "modified": "datetime"}, ("sku",), "modified"
)
READ_AT = datetime(2026, 3, 5, 12, tzinfo=UTC)
ROW = st.fixed_dictionaries(
    {
        "sku": st.sampled_from(["001", "002", "A'1", "ü"]),
        "price": st.decimals(-99999, 99999, places=5).map(str),
        "active": st.sampled_from(["true", "false", ""]),
        "modified": st.integers(0, 10**6).map(lambda s: (READ_AT - timedelta(seconds=s)).isoformat()),
    }
)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "flow.duckdb")


def page(*rows: dict[str, Any]) -> bytes:
    return orjson.dumps(list(rows))


def staged(store: Store) -> list[dict[str, Any]]:
    with store.open() as connection:
        return rows_of(connection, "SELECT * FROM articles ORDER BY _key")


def test_a_field_that_no_table_names_is_never_stored(store: Store) -> None:
    """Source: docs/privacy.md; test catalogue row 100."""
    row = {"sku": "001", "price": "1", "active": "true", "modified": READ_AT.isoformat(), "birthDate": "canary-1970"}
    load(store, TABLE, [page(row)], READ_AT)
    with store.open() as connection:
        connection.execute("CHECKPOINT")
    assert [each["sku"] for each in staged(store)] == ["001"]
    assert b"canary" not in b"".join(each.read_bytes() for each in store.path.parent.rglob("*") if each.is_file())


@pytest.mark.proof
@settings(max_examples=30)
@given(st.lists(st.lists(st.lists(ROW, max_size=6), max_size=3), max_size=3))
def test_the_newest_version_of_each_record_stays(loads: list[list[list[dict[str, str]]]]) -> None:
    with TemporaryDirectory() as folder:
        store = Store(Path(folder) / "flow.duckdb")
        newest: dict[str, tuple[datetime, str]] = {}
        for pages in loads:
            load(store, TABLE, [page(*rows) for rows in pages], READ_AT)
            for row in (row for rows in pages for row in rows):
                moment = datetime.fromisoformat(row["modified"])
                if row["sku"] not in newest or newest[row["sku"]][0] <= moment:
                    newest[row["sku"]] = (moment, row["price"])
        load(store, TABLE, [], READ_AT)
        kept = {row["_key"]: (row["_modified_at"], row["price"]) for row in staged(store)}
        assert kept == {key: (moment, Decimal(price)) for key, (moment, price) in newest.items()}


def test_amounts_stay_exact_and_ids_stay_text(store: Store) -> None:
    load(
        store,
        TABLE,
        [page({"sku": "000123", "price": "1234567890123.10001", "modified": "2026-03-01T00:00:00Z"})],
        READ_AT,
    )
    (row,) = staged(store)
    assert (row["_key"], row["price"]) == ("000123", Decimal("1234567890123.10001"))


def test_a_moment_with_an_offset_falls_into_its_window_in_utc(store: Store) -> None:
    load(store, TABLE, [page({"sku": "1", "modified": "2026-03-02T00:30:00+02:00"})], READ_AT)
    assert str(staged(store)[0]["_window"]) == "2026-03-01"


def test_a_record_without_a_moment_belongs_to_the_window_in_which_it_was_read(store: Store) -> None:
    load(store, TABLE, [page({"sku": "1", "modified": ""})], READ_AT)
    assert staged(store)[0]["_modified_at"] == READ_AT


def test_a_value_that_is_not_of_its_type_is_named_and_empty(store: Store) -> None:
    load(store, TABLE, [page({"sku": "1", "price": "1,50", "active": "perhaps"}, {"sku": "2", "price": ""})], READ_AT)
    bad, good = staged(store)
    assert (bad["price"], bad["active"], bad["_bad_fields"]) == (None, None, ["price", "active"])
    assert good["_bad_fields"] == []


@pytest.mark.parametrize("blanks", ["", " ", "\t \r\n", "\u00a0"])
def test_a_value_of_blanks_only_is_empty(store: Store, blanks: str) -> None:
    table = replace(TABLE, fields={**TABLE.fields, "name": "text"})
    load(store, table, [page({"sku": "1", "name": blanks, "price": blanks})], READ_AT)
    (row,) = staged(store)
    assert (row["name"], row["price"], row["_bad_fields"]) == (None, None, [])


@pytest.mark.parametrize("text", [" Mug ", "~", "é", "!", "\u00a0x"])
def test_a_text_keeps_the_blanks_at_its_ends(store: Store, text: str) -> None:
    table = replace(TABLE, fields={**TABLE.fields, "name": "text"})
    load(store, table, [page({"sku": "1", "name": text})], READ_AT)
    assert staged(store)[0]["name"] == text


def test_blanks_around_what_identifies_a_record_are_no_part_of_it(store: Store) -> None:
    load(store, TABLE, [page({"sku": "1", "price": "2"}), page({"sku": " 1 ", "price": "3"})], READ_AT)
    assert [(row["_key"], row["sku"]) for row in staged(store)] == [("1", "1")]


def test_an_older_version_never_replaces_a_newer_one(store: Store) -> None:
    load(store, TABLE, [page({"sku": "1", "price": "2", "modified": "2026-03-02T00:00:00Z"})], READ_AT)
    load(store, TABLE, [page({"sku": "1", "price": "1", "modified": "2026-03-01T00:00:00Z"})], READ_AT)
    assert staged(store)[0]["price"] == 2


def test_many_chunks_are_taken_in_like_one(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "CHUNK_BYTES", 1)
    pages = [page({"sku": str(n % 7), "price": str(n), "modified": f"2026-03-01T00:00:{n:02d}Z"}) for n in range(12)]
    assert load(store, TABLE, pages, READ_AT) == 12
    assert [int(row["price"]) for row in staged(store)] == [7, 8, 9, 10, 11, 5, 6]


def test_a_cut_page_is_refused_and_what_was_there_stays(store: Store) -> None:
    load(store, TABLE, [page({"sku": "1", "price": "1"})], READ_AT)
    with pytest.raises(UnreadableAnswer):
        load(store, TABLE, [b'[{"sku": "2", "price": '], READ_AT)
    assert [row["_key"] for row in staged(store)] == ["1"]


def test_an_error_of_the_source_reaches_the_caller(store: Store) -> None:
    def broken() -> Iterator[bytes]:
        yield page({"sku": "1"})
        raise UnreadableAnswer("the second page is HTML")

    with pytest.raises(UnreadableAnswer, match="second page"):
        load(store, TABLE, broken(), READ_AT)
    assert [row["_key"] for row in staged(store)] == ["1"], "what came before it is kept"


def test_what_came_is_committed_after_half_a_minute_although_the_chunk_is_not_full(store: Store) -> None:
    """Issue 19: staging commits at least every 30 s."""
    seconds, committed = [0.0], threading.Event()

    def slow() -> Iterator[bytes]:
        yield page({"sku": "1"})
        seconds[0] = 30.0
        yield page({"sku": "2"})
        assert committed.wait(20), "the source is not asked for more before"
        yield page({"sku": "3"})

    def taken(_: object, pages: int) -> None:
        loaded.append(pages)
        committed.set()

    loaded: list[int] = []
    assert load(store, TABLE, slow(), READ_AT, taken, lambda: seconds[0]) == 3
    assert loaded[0] < 3 == loaded[-1]


def test_a_page_does_not_wait_for_the_next_one_to_be_committed(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Issue 19: a call that stalls for minutes must not cost what came before it."""
    monkeypatch.setattr(spool, "COMMIT_S", 0.01)
    committed = threading.Event()

    def stalled() -> Iterator[bytes]:
        yield page({"sku": "1"})
        assert committed.wait(20)

    assert load(store, TABLE, stalled(), READ_AT, lambda *_: committed.set()) == 1


def test_within_half_a_minute_all_pages_are_one_transaction(store: Store) -> None:
    seconds, loaded = iter(range(10**6)), list[int]()
    pages = [page({"sku": str(number)}) for number in range(4)]
    load(store, TABLE, pages, READ_AT, lambda _, pages: loaded.append(pages), lambda: next(seconds) / 10**5)
    assert loaded == [4]


def test_pages_without_records_count_as_taken(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "CHUNK_BYTES", 1)
    loaded: list[int] = []
    load(store, TABLE, [b"[]", page({"sku": "1"})], READ_AT, lambda _, pages: loaded.append(pages))
    assert loaded == [2]


def test_a_chunk_that_cannot_be_noted_is_not_loaded_either(store: Store) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError("no note")

    with pytest.raises(RuntimeError):
        load(store, TABLE, [page({"sku": "1"})], READ_AT, fails)
    assert staged(store) == []


def test_what_a_newer_answer_of_a_group_no_longer_has_is_gone(tmp_path: Path) -> None:
    table = StagingTable(
        "lines", {"ordernr": "text", "linenr": "text", "at": "datetime"}, ("ordernr", "linenr"), "at", "ordernr"
    )
    store = Store(tmp_path / "s.duckdb")

    def stage(moment: str, *lines: str) -> list[str]:
        rows = [{"ordernr": "W1", "linenr": line, "at": moment} for line in lines]
        load(store, table, [orjson.dumps(rows)], datetime(2026, 5, 1, tzinfo=UTC))
        with store.open() as connection:
            return sorted(row["_key"] for row in rows_of(connection, "SELECT _key FROM lines"))

    assert stage("2026-03-01T10:00:00Z", "1", "2") == ["W1/1", "W1/2"]
    assert stage("2026-03-02T10:00:00Z", "1") == ["W1/1"]
    assert stage("2026-03-01T10:00:00Z", "1", "2") == ["W1/1"], "an older answer brings nothing back"
