"""Look-ups of the Winstore sandbox follow every change of a record, however it is made."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from winbc_pipeline.sandbox.lookups import Lookups
from winbc_pipeline.sandbox.records import Record, Records, dumps

SKUS = st.lists(st.sampled_from(["a", "B", "c"]), max_size=2, unique=True)
CHANGES = st.lists(st.tuples(st.sampled_from(["insert_many", "put", "replace", "delete"]), st.integers(1, 3), SKUS))


def article(key: int, skus: list[str]) -> Record:
    return {"artkey": str(key), "variants": [{"sku": sku, "gtin": f"0{sku}"} for sku in skus]}


def change(records: Records, how: str, key: int, skus: list[str]) -> None:
    body = article(key, skus)
    if how == "insert_many":
        records.insert_many("articles", [(str(key), body)])
    elif how == "put":
        records.put("articles", str(key), dumps(body).decode())
    elif how == "replace":
        records.replace("articles", str(key), body)
    else:
        records.delete("articles", str(key))


@given(CHANGES, st.sets(st.integers(0, 10)))
def test_a_look_up_finds_what_is_there(changes: list[tuple[str, int, list[str]]], looks: set[int]) -> None:
    records = Records()
    lookups = Lookups(records)
    for number, (how, key, skus) in enumerate(changes):
        change(records, how, key, skus)
        if number not in looks:  # some changes come together between two look-ups
            continue
        for sku in ("a", "b", "c"):
            there = [row for row in records.select("articles") if sku in [v["sku"].lower() for v in row["variants"]]]
            assert lookups.with_value("articles", "sku", sku.upper()) == there
            assert lookups.with_value("articles", "gtin", f"0{sku}") == there
    records.db.close()


def test_what_an_earlier_run_left_in_the_file_is_found(tmp_path: Path) -> None:
    first = Records(tmp_path / "shop.db")
    first.insert("customers", "7", {"customerid": "7", "email": "Ä@mail.example"})
    first.db.close()
    again = Records(tmp_path / "shop.db")
    lookups = Lookups(again)
    assert [row["customerid"] for row in lookups.with_value("customers", "email", "ä@mail.example")] == ["7"]
    assert lookups.greatest_number("customers") == 7
    again.db.close()


def test_a_number_is_not_given_again_after_its_record_is_gone() -> None:
    records = Records()
    lookups = Lookups(records)
    records.insert("customers", "7", {"customerid": "7"})
    assert lookups.greatest_number("customers") == 7
    records.delete("customers", "7")
    assert lookups.greatest_number("customers") == 7
    records.db.close()
