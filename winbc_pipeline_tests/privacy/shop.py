"""A shop with a person planted in every flow that carries people: sent, failed, in doubt, and waiting for somebody."""

import zipfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from winbc_pipeline.flows.orders import ORDERS_TO_BC
from winbc_pipeline.settings import Settings

from ..support.order_flow import SEND
from ..support.order_sandboxes import BC
from ..support.shops.two_ways import TO_BC, TO_WINSTORE, TwoWays

ID, EMAIL = "000777", "canary@planted.example"
NAMES = {"fname": "Canaryfirst", "lname": "Canarylast", "phone": "+31207654321", "street": "Canarystraat"}
PLANTED = [ID, EMAIL, *NAMES.values()]
DELIVERY = {
    "name": "Canaryfirst Canarylast",
    "street": "Canarystraat",
    "streetnr": "7",
    "zip": "3511 AB",
    "city": "Utrecht",
}
OF_PERSON = {"customerid": ID, "email": EMAIL, "delivery_add": DELIVERY | {"countryISO": "NL"}}
OTHER = {"customerid": "000123", "email": "anna@mail.example"}
DAY = date(2026, 3, 10)


def fill(shop: TwoWays) -> None:
    """The person as customer both ways and as guest: W1 and W4 are sent, W2 fails, W3 is lost, W9 is another's.

    The customer waits for somebody, because both sides changed the same field.
    """
    shop.shop_has(ID, email=EMAIL, **NAMES)
    shop.shop_has("000123")
    shop.passes()
    shop.in_winstore(ID, street="Canarystraat 1")
    shop.in_bc(f"WS{ID}", addressLine1="Canarystraat 2")
    shop.passes()
    shop.order("W1", **OF_PERSON)
    shop.order("W2", **OF_PERSON, lines=[{"product_id": "NONE"}])
    shop.order("W4", **OF_PERSON | {"customerid": "999999"})
    shop.order("W9", **OTHER)
    shop.run(ORDERS_TO_BC.id)
    shop.order("W3", **OF_PERSON)
    shop.fault(BC, {"kind": "drop_after", **SEND, "nth": 1})
    shop.run(ORDERS_TO_BC.id)
    shop.fault(BC)


def everything(settings: Settings) -> Iterator[tuple[str, bytes]]:
    """All that lies in the folder of the connection, by name: bytes of files, and rows of databases as text.

    Databases are looked at both ways: DuckDB compresses texts, and keeps those of deleted rows.
    """
    yield from _in(settings.state_folder)


def _in(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield path.name, path.read_bytes()
            if path.suffix == ".duckdb":
                yield from _rows(path)
            elif path.suffix == ".zip":
                with TemporaryDirectory() as name, zipfile.ZipFile(path) as packed:
                    packed.extractall(name)
                    yield from ((f"{path.name}/{inner}", content) for inner, content in _in(Path(name)))


def _rows(path: Path) -> Iterator[tuple[str, bytes]]:
    with duckdb.connect(str(path), read_only=True) as connection:
        for (table,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall():
            for (text,) in connection.execute(f'SELECT to_json(t)::VARCHAR FROM "{table}" AS t').fetchall():
                yield f"{path.name} {table}", text.encode()


def hits(settings: Settings, values: list[str]) -> set[tuple[str, str]]:
    """Where which of some texts is found, in any letter case."""
    wanted = {value: value.lower().encode() for value in values}
    return {
        (name, value)
        for name, content in everything(settings)
        for value, text in wanted.items()
        if text in content.lower()
    }


FLOWS_OF_SHOP = (TO_BC, TO_WINSTORE, ORDERS_TO_BC.id)
