"""`winbc products SKU`: one product on both sides. Exit codes: 0 shown, 1 no such product."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from ...settings import load_settings
from ..output import add_row, table_of, warn

if TYPE_CHECKING:
    from ...workbench.preview import RecordView
    from ...workbench.products.side_by_side import Product

console = Console()


def products(sku: Annotated[str, typer.Argument(help="A SKU of Winstore, which is the number of its item")]) -> None:
    """Shows one product on both sides: its SKUs and partners, its fields, its last writes, and what is not carried."""
    from ...workbench.products.side_by_side import product

    shown = product(load_settings(), sku.strip())
    _skus(shown)
    for each in shown.records:
        _fields(each)
    _writes(shown)
    warn(console, shown.remarks)


def _skus(shown: "Product") -> None:
    columns = ("SKU", "colour", "size", "GTIN", "price", "in Business Central", "made by", "state", "reason")
    table = table_of(*columns, title=f"Article {shown.article}")
    for row in shown.skus:
        names = ("sku", "color", "size", "gtin", "price", "target_no", "made_by", "state", "reason")
        add_row(table, *(row[name] for name in names))
    console.print(table)


def _fields(view: "RecordView") -> None:
    title = f"{view.part.name} {view.key}: {view.request}"
    table = table_of("field", "Winstore gives", "the table makes", "Business Central has", title=title)
    for each in view.fields:
        given = ", ".join(f"{name}: {value}" for name, value in each.sources.items() if value is not None)
        add_row(table, each.target.facts.name, given, each.value, view.live.get(each.target.facts.name))
    console.print(table)


def _writes(shown: "Product") -> None:
    columns = ("when (UTC)", "part", "record", "state", "action", "reason", "message")
    table = table_of(*columns, title="Last moves in the ledger")
    for row in shown.writes:
        names = ("part", "key", "state", "action", "reason", "message")
        add_row(table, f"{row['moved_at']:%Y-%m-%d %H:%M:%S}", *(row[name] for name in names))
    console.print(table)
