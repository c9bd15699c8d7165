"""The CSV tables of a retail folder: their columns, and what is wrong with a file, by row.

Here belongs: reading rows and refusing what cannot be used. What the rows mean: retail.py.
"""

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path

Row = dict[str, str]
MOST_TOLD = 10  # problems of one folder


@dataclass(frozen=True)
class Table:
    """The columns of one file, separated by spaces.

    Attributes:
        columns: all that the file must have, in their order.
        key: columns that no two rows may share. A row without a value in the first of them has no key.
        needs_key: whether each row must have one.
        numbers: columns of numbers with a dot.
        moments: columns of times.
        more: columns that the file may have.
    """

    columns: str
    key: str
    needs_key: bool = True
    numbers: str = ""
    moments: str = ""
    more: str = ""


BILL = "bill_company bill_first_name bill_last_name bill_street bill_house_number bill_zip bill_city bill_country_iso"
TABLES = {
    "articles": Table(
        "article_key sku gtin name model_name color size supplier_id category subcategory description description_long "
        "cost_price price vat_rate active modified_at",
        more="article_type picture",
        key="sku",
        needs_key=False,
        numbers="cost_price price vat_rate",
        moments="modified_at",
    ),
    "customers": Table(
        "customer_id company_name first_name last_name email phone street house_number zip city country_iso vat_number "
        "created_at modified_at",
        key="customer_id",
        moments="created_at modified_at",
    ),
    "addresses": Table(
        "customer_id type name street house_number zip city country_iso default",
        key="customer_id type name street house_number zip city country_iso",
    ),
    "stock": Table(
        "sku warehouse quantity reserved modified_at",
        key="sku warehouse",
        more="manage_stock",
        numbers="quantity reserved",
        moments="modified_at",
    ),
    "orders": Table(
        "order_number order_date customer_id email status branch channel currency payment_method shipping_method "
        "shipping_cost ship_name ship_street ship_house_number ship_zip ship_city ship_country_iso modified_at",
        key="order_number",
        numbers="shipping_cost total",
        moments="order_date modified_at",
        more=f"total {BILL}",
    ),
    "order_lines": Table(
        "order_number line_number sku description quantity unit_price discount_percent vat_rate",
        key="order_number line_number",
        numbers="quantity unit_price discount_percent vat_rate",
    ),
}


class BadFolder(ValueError):
    """A folder that cannot be loaded. The message has one line for each file and row that is wrong."""


def read_tables(folder: Path) -> dict[str, list[Row]]:
    """The rows of all files of a retail folder. Raises BadFolder."""
    tables, problems = {}, []
    for name, table in TABLES.items():
        rows, wrong = _read(folder / f"{name}.csv", table, optional=name not in ("articles", "customers"))
        tables[name] = rows
        problems += wrong
    if not problems:
        problems = [*_of_nothing(tables, "order_lines", "orders"), *_of_nothing(tables, "addresses", "customers")]
    if problems:
        more = [f"… and {len(problems) - MOST_TOLD} more"] if len(problems) > MOST_TOLD else []
        raise BadFolder("\n".join([f"{folder} cannot be loaded. Correct this first:", *problems[:MOST_TOLD], *more]))
    return tables


def _read(path: Path, table: Table, optional: bool) -> tuple[list[Row], list[str]]:
    """The rows of a file, and what is wrong with it."""
    if not path.exists():
        return [], [] if optional else [f"{path.name}: the file is missing"]
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            header, rows = list(reader.fieldnames or []), list(reader)
    except UnicodeDecodeError as error:
        return [], [f"{path.name}: not in UTF-8, from byte {error.start} on; save the file as CSV UTF-8"]
    except csv.Error as error:
        return [], [f"{path.name}: no CSV file ({error})"]
    if problem := _wrong_header(header, table):
        return [], [f"{path.name}: {problem}"]
    return rows, [f"{path.name} row {row}: {what}" for row, what in _wrong_rows(rows, table)]


def _wrong_header(header: list[str], table: Table) -> str:
    if not header:
        return f"the file is empty; its first row must be {table.columns.replace(' ', ',')}"
    if missing := [name for name in table.columns.split() if name not in header]:
        return f"no column {', '.join(missing)}; the first row has {', '.join(header)}"
    twice = sorted({name for name in header if header.count(name) > 1})
    return f"two columns {', '.join(twice)}" if twice else ""


def _wrong_rows(rows: list[Row], table: Table) -> Iterator[tuple[int, str]]:
    """The number of each wrong row, as a spreadsheet counts, and what is wrong."""
    first_of: dict[tuple[str, ...], int] = {}
    for number, row in enumerate(rows, 2):
        if None in row or None in row.values():
            yield number, "more or fewer cells than columns; put a text with a comma or a line break into quotes"
            continue
        key = tuple(row[name] for name in table.key.split())
        first = first_of.setdefault(key, number)
        if not key[0] and table.needs_key:
            yield number, f"no {table.key.split()[0]}"
        elif key[0] and first != number:
            yield number, f"{' '.join(table.key.split())} {' '.join(key)} is in row {first} already"
        yield from ((number, what) for what in _wrong_cells(row, table))


def _wrong_cells(row: Row, table: Table) -> Iterator[str]:
    checks: tuple[tuple[str, Callable[[str], bool], str], ...] = (
        (table.numbers, _is_number, "a number with a dot"),
        (table.moments, _is_moment, "a time like 2026-03-01T10:00:00.000Z"),
    )
    for names, is_right, wanted in checks:
        for name in names.split():
            if (value := row.get(name, "")) and not is_right(value):
                yield f"{name} is {value[:40]!r}, not {wanted}"


def _is_number(text: str) -> bool:
    try:
        return Decimal(text).is_finite()
    except InvalidOperation:
        return False


def _is_moment(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _of_nothing(tables: dict[str, list[Row]], name: str, parents: str) -> Iterator[str]:
    """The rows of a table whose order or customer is in no row of its own file."""
    column = TABLES[parents].key
    known = {row[column] for row in tables[parents]}
    for number, row in enumerate(tables[name], 2):
        if row[column] not in known:
            yield f"{name}.csv row {number}: {column.split('_')[0]} {row[column]} is not in {parents}.csv"


def write_folder(folder: Path, tables: dict[str, list[Row]]) -> None:
    """Writes tables as a retail folder. A table without rows gets its header."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in tables.items():
        columns = list(rows[0]) if rows else TABLES[name].columns.split()
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            writer.writerows(rows)
