"""A person who was erased is gone from the tables of a server, too, and from the files in which it keeps them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from winbc_pipeline.flows.orders import ORDERS_TO_BC
from winbc_pipeline.privacy.erase import erase
from winbc_pipeline.staging.server import address

from ..support.postgres import Server
from ..support.shops.two_ways import open_two_ways
from .shop import EMAIL, PLANTED, fill

pytestmark = pytest.mark.scale


def texts(server: Server) -> str:
    """All rows of all tables of the connections, as text."""
    with address.asked(server.address) as cursor:
        cursor.execute("SELECT schemaname, tablename FROM pg_tables WHERE schemaname LIKE '%.%'")
        tables = cursor.fetchall()
        found = []
        for schema, table in tables:
            cursor.execute(f'SELECT t::text FROM "{schema}"."{table}" AS t')
            found += [row for (row,) in cursor.fetchall()]
    return "\n".join(found)


def files(server: Server) -> Iterator[bytes]:
    """The files of the tables. The log of the server (pg_wal) is its administrator's: docs/scale.md."""
    with address.asked(server.address) as cursor:
        cursor.execute("CHECKPOINT")
    yield from (path.read_bytes() for path in (server.folder / "data" / "base").rglob("*") if path.is_file())


def test_not_one_row_or_byte_of_a_table_is_left_of_an_erased_person(tmp_path: Path, state_server: Server) -> None:
    with open_two_ways(tmp_path, on_disk=True) as shop:
        fill(shop)
        before = texts(state_server)
        assert [value for value in PLANTED if value not in before] == [], "the search finds what is there"

        erase(shop.settings, EMAIL)

        after = texts(state_server)
        assert [value for value in PLANTED if value in after] == []
        assert "anna@mail.example" in after
        assert not any(EMAIL.encode() in content for content in files(state_server))
        shop.pass_time(21 * 60)
        shop.run(ORDERS_TO_BC.id)
        assert EMAIL not in texts(state_server)
