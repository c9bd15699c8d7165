"""A retail folder that cannot be used: what is told names file, row and why, and nothing of the folder is loaded."""

from pathlib import Path

import pytest

from winbc_pipeline.cli.sandbox import load_folder
from winbc_pipeline.errors import ConfigurationError
from winbc_pipeline.sandbox.retail_tables import BadFolder, read_tables, write_folder
from winbc_pipeline.sandbox.strange.models import PICTURES
from winbc_pipeline.sandbox.strange.shop import make

from ..support.sandboxes import ARTICLE, CUSTOMER, HTTP, LINE, ORDER, Sandboxes

STOCK = {"sku": "SKU-1", "warehouse": "1", "quantity": "3", "reserved": "0", "modified_at": "2026-03-01T10:00:00.000Z"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A whole folder of one record each."""
    tables = {
        "articles": [ARTICLE],
        "customers": [CUSTOMER],
        "stock": [STOCK],
        "orders": [ORDER],
        "order_lines": [LINE],
    }
    write_folder(tmp_path / "shop", tables)
    return tmp_path / "shop"


def told(folder: Path) -> str:
    with pytest.raises(BadFolder) as refused:
        read_tables(folder)
    return str(refused.value)


def edit(folder: Path, file: str, old: str, new: str) -> None:
    path = folder / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        ("articles.csv", "vat_rate,", "", "articles.csv: no column vat_rate"),
        ("customers.csv", "phone,", "city,", "customers.csv: no column phone"),
        ("stock.csv", "modified_at", "modified_at,sku", "stock.csv: two columns sku"),
        ("articles.csv", "18.5,21", "18;5,21", "articles.csv row 2: price is '18;5', not a number with a dot"),
        ("articles.csv", "18.5,21", "NaN,21", "articles.csv row 2: price is 'NaN', not a number with a dot"),
        ("order_lines.csv", "Mug,2,", "Mug,two,", "order_lines.csv row 2: quantity is 'two', not a number with a dot"),
        ("orders.csv", "4.95", "€ 4", "orders.csv row 2: shipping_cost is '€ 4', not a number with a dot"),
        ("stock.csv", "1,3,", "1,many,", "stock.csv row 2: quantity is 'many', not a number with a dot"),
        ("orders.csv", "2026-03-03 09", "3/3/2026 09", "orders.csv row 2: order_date is '3/3/2026 09"),
        ("customers.csv", "2026-03-01T", "1 March ", "customers.csv row 2: modified_at is '1 March 10:00:00.000Z'"),
        ("customers.csv", "000123", "", "customers.csv row 2: no customer_id"),
        ("orders.csv", "W1,", ",", "orders.csv row 2: no order_number"),
        ("order_lines.csv", "W1,", "W9,", "order_lines.csv row 2: order W9 is not in orders.csv"),
        ("articles.csv", "A mug,", "A mug, blue,", "articles.csv row 2: more or fewer cells than columns"),
        ("orders.csv", ",NL,", ",", "orders.csv row 2: more or fewer cells than columns"),
        ("articles.csv", "A mug,", '"A mug,', "articles.csv: no CSV file (unexpected end of data)"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_file_is_told_with_its_row(
    folder: Path, file: str, old: str, new: str, words: str
) -> None:
    edit(folder, file, old, new)
    assert words in told(folder)


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("articles", "articles.csv row 3: sku SKU-1 is in row 2 already"),
        ("customers", "customers.csv row 3: customer_id 000123 is in row 2 already"),
        ("stock", "stock.csv row 3: sku warehouse SKU-1 1 is in row 2 already"),
        ("orders", "orders.csv row 3: order_number W1 is in row 2 already"),
        ("order_lines", "order_lines.csv row 3: order_number line_number W1 1 is in row 2 already"),
    ],
)
def test_two_rows_with_one_key_are_told(folder: Path, file: str, words: str) -> None:
    path = folder / f"{file}.csv"
    path.write_text(path.read_text(encoding="utf-8") + path.read_text(encoding="utf-8").split("\n", 1)[1], "utf-8")
    assert words in told(folder)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "customers.csv: the file is empty; its first row must be customer_id,company_name"),
        ("Bäckerei".encode("latin-1"), "customers.csv: not in UTF-8, from byte 1 on; save the file as CSV UTF-8"),
        ("customer_id".encode("utf-16"), "customers.csv: not in UTF-8, from byte 0 on"),
        (b"<html><body>Sign in</body></html>", "customers.csv: no column customer_id"),
        (None, "customers.csv: the file is missing"),
    ],
)
def test_a_file_that_is_none_of_ours_is_told(folder: Path, content: bytes | None, words: str) -> None:
    (folder / "customers.csv").unlink()
    if content is not None:
        (folder / "customers.csv").write_bytes(content)
    assert words in told(folder)


def test_all_problems_are_told_at_once_and_of_many_the_first_ten(folder: Path) -> None:
    edit(folder, "articles.csv", "18.5", "dear")
    write_folder(folder, {"order_lines": [LINE | {"line_number": str(n), "quantity": "few"} for n in range(1, 21)]})
    lines = told(folder).splitlines()
    assert "articles.csv row 2: price is 'dear'" in lines[1]
    assert lines[2].startswith("order_lines.csv row 2: quantity is 'few'")
    assert (len(lines), lines[-1]) == (12, "… and 11 more")


def test_rows_without_a_sku_orders_without_lines_and_cells_without_a_value_are_legal(folder: Path) -> None:
    write_folder(
        folder,
        {
            "articles": [ARTICLE | {"sku": "", "price": "", "modified_at": ""}, ARTICLE | {"sku": ""}],
            "orders": [ORDER, ORDER | {"order_number": "W2", "order_date": "", "shipping_cost": ""}],
            "order_lines": [LINE | {"quantity": "", "unit_price": "", "vat_rate": ""}],
            "stock": [],
        },
    )
    assert {name: len(rows) for name, rows in read_tables(folder).items()} == {
        "articles": 2, "customers": 1, "addresses": 0, "stock": 0, "orders": 2, "order_lines": 1,
    }  # fmt: skip


def test_files_that_may_be_missing(folder: Path) -> None:
    for name in ("stock", "orders", "order_lines"):
        (folder / f"{name}.csv").unlink()
    assert [name for name, rows in read_tables(folder).items() if rows] == ["articles", "customers"]


def test_a_folder_is_loaded_whole_or_not_at_all_and_the_command_says_why(sandboxes: Sandboxes, folder: Path) -> None:
    edit(folder, "order_lines.csv", "Mug,2,", "Mug,two,")
    with pytest.raises(ConfigurationError, match="order_lines.csv row 2: quantity is 'two'"):
        load_folder(sandboxes.addresses.winstore_control, folder)
    assert HTTP.get(f"{sandboxes.addresses.winstore_control}/__state").json()["records"] == {}
    edit(folder, "order_lines.csv", "Mug,two,", "Mug,2,")
    assert load_folder(sandboxes.addresses.winstore_control, folder)["orders"] == 1


def test_pictures_are_files_of_the_folder_and_one_without_its_file_is_named_and_not_there(
    sandboxes: Sandboxes, tmp_path: Path
) -> None:
    shop = make(5)
    shop.write(tmp_path / "odd")
    names = ("model.png", "nowhere.png", "")
    rows = [ARTICLE | {"sku": f"S{n}", "article_key": f"{n}", "picture": name} for n, name in enumerate(names)]
    write_folder(tmp_path / "odd", {"articles": rows, "stock": [], "orders": [], "order_lines": []})
    sandboxes.seed(tmp_path / "odd")
    base, sign_in = sandboxes.addresses.winstore_base, ("winstore", "sandbox-secret")
    answers = [HTTP.get(f"{base}/GetArticlePicture?artkey={n}", auth=sign_in) for n in range(3)]
    assert answers[0].content == PICTURES["model.png"]
    assert ["<statuscode>404<" in answer.text for answer in answers[1:]] == [True, True]


def test_a_picture_that_is_none_is_refused(sandboxes: Sandboxes, folder: Path) -> None:
    (folder / "pictures").mkdir()
    (folder / "pictures" / "a.png").write_bytes(b"a text")
    with pytest.raises(ConfigurationError, match="PNG or JPEG"):
        load_folder(sandboxes.addresses.winstore_control, folder)
