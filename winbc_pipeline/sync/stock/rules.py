"""Which warehouses count, who owns them, and what `lookups/stock_rules.csv` says of a SKU.

Here belongs: reading the two tables, and their rows in the flow's database. What they do to a figure: the mapping
tables (`stock_figure`). The sums: of_winstore.py.
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path

import duckdb

from ...errors import MappingError
from ...mapping.cells import boolean_of, read_rows
from ...mapping.tables import LOOKUPS, RULE_COLUMNS, RULES, read_lookup
from ...settings import Settings
from ...staging.people.personal import nothing
from ...staging.store import Row, insert_rows, quote, renew_table

GROUPS = "stock_groups"
ANY = "*"
GROUP = {"warehouse": "VARCHAR", "name": "VARCHAR", "owner": "VARCHAR"}
NUMBERS = ("safety", "cap", "rounding")
RULE = {"sku": "VARCHAR", "category": "VARCHAR", "row": "INTEGER"} | dict.fromkeys(NUMBERS, "DECIMAL(18, 5)")
RULE |= dict.fromkeys(("clamp", "ignored"), "BOOLEAN")
# What a record has of its rule (alias r), as kinds of fields and as SQL.
FIELDS = dict.fromkeys(NUMBERS, "decimal") | dict.fromkeys(("clamp", "ignored"), "boolean") | {"rule": "text"}
RULED = """
    coalesce(r.safety, 0)::DECIMAL(18, 5) AS safety, r.cap AS cap, r.rounding AS rounding,
    coalesce(r.clamp, false) AS clamp, coalesce(r.ignored, false) AS ignored, 'row ' || r.row AS rule"""


def owner_of(settings: Settings, group: str) -> str:
    """Who owns the stock of a group: winstore or bc."""
    return settings.stock.owners.get(group, settings.stock.owner)


def keep(settings: Settings) -> timedelta:
    """How long it is kept what the stock of a SKU was."""
    return timedelta(days=settings.stock.history_days)


def direction(settings: Settings) -> str:
    """The direction in which stock goes: from the owner of each group to the other side."""
    owners = {settings.stock.owner, *settings.stock.owners.values()}
    return "both" if len(owners) > 1 else "to_bc" if owners == {"winstore"} else "to_winstore"


def groups(settings: Settings) -> Mapping[str, str]:
    """The group of each warehouse of Winstore; `*` stands for all others, and an empty group is not counted.

    Raises: MappingError for a table that is wrong or missing.
    """
    return read_lookup(settings.tables.needed(f"{LOOKUPS}/{GROUPS}.csv"))


def group_of(settings: Settings, warehouse: str) -> str | None:
    """The group of a warehouse; None for one that the table does not have."""
    known = groups(settings)
    return known.get(warehouse, known.get(ANY))


def rules(settings: Settings) -> list[Row]:
    """The rows of `stock_rules.csv` with the columns of RULE; none without the file.

    Raises: MappingError that names file, row and column.
    """
    path = settings.tables.path(f"{LOOKUPS}/{RULES}")
    if not path.exists():
        return []
    made = list(_rules(path))
    seen: dict[tuple[str, str], int] = {}
    for rule in made:
        name = (rule["sku"].casefold(), rule["category"].casefold())
        if name in seen:
            raise MappingError(f"{path}, row {rule['row']}: row {seen[name]} has the same SKU or category.")
        seen[name] = rule["row"]
    return made


def _rules(path: Path) -> Iterator[Row]:
    for row in read_rows(path, RULE_COLUMNS):
        place, cells = f"{path}, row {row.number}", row.cells
        if bool(cells["sku"]) == bool(cells["category"]):
            hint = "`*` in the column category stands for every other SKU."
            raise MappingError(f"{place}: give a SKU or a category, not both.", hint)
        numbers = {name: _number(place, name, cells[name]) for name in NUMBERS}
        flags = {"clamp": _flag(place, "clamp", cells["clamp"]), "ignored": _flag(place, "ignore", cells["ignore"])}
        yield {"sku": cells["sku"], "category": cells["category"], "row": row.number} | numbers | flags


def _number(place: str, column: str, cell: str) -> Decimal | None:
    if not cell:
        return None
    try:
        number = Decimal(cell)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or (column == "rounding" and number <= 0):
        raise MappingError(f"{place}, column {column}: `{cell[:40]}` is not a number with a dot, or not above 0.")
    return number


def _flag(place: str, column: str, cell: str) -> bool:
    known = boolean_of(cell) if cell else False
    if known is None:
        raise MappingError(f"{place}, column {column}: `{cell[:40]}` is neither yes nor no.")
    return known


def put_groups(connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """Writes the table `stock_group` of all warehouses that the lookup table names."""
    rows = [
        {"warehouse": warehouse, "name": name, "owner": owner_of(settings, name)}
        for warehouse, name in groups(settings).items()
    ]
    _put(connection, "stock_group", GROUP, rows)


def put_rules(connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """Writes the table `stock_rule`."""
    _put(connection, "stock_rule", RULE, rules(settings))


def _put(connection: duckdb.DuckDBPyConnection, table: str, columns: Mapping[str, str], rows: list[Row]) -> None:
    renew_table(connection, table, columns)
    connection.execute(f"DELETE FROM {quote(table)}")
    insert_rows(connection, table, columns, rows)


def with_rules(records: str) -> str:
    """SELECT of records with what their rules say: the rule of the SKU, else of its category, else that of `*`.

    Args:
        records: SELECT with the columns `_sku` and `_category` beside others.
    """
    return f"""
        SELECT t.* EXCLUDE (_sku, _category), {RULED}
        FROM ({records}) AS t
        LEFT JOIN stock_rule AS own ON own.sku <> '' AND upper(own.sku) = upper(t._sku)
        LEFT JOIN stock_rule AS alike ON alike.category <> '' AND lower(alike.category) = lower(t._category)
        LEFT JOIN stock_rule AS other ON other.category = '{ANY}'
        LEFT JOIN stock_rule AS r ON r.row = coalesce(own.row, alike.row, other.row)"""


def goes_by_category(settings: Settings) -> bool:
    """Whether a rule goes by a category, so that the category of each SKU must be known; raises MappingError."""
    return any(rule["category"] not in ("", ANY) for rule in rules(settings))


PERSONAL = nothing("stock_*", "live_figure")
"""What these tables hold of people (staging/people/personal.py)."""
