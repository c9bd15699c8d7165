"""A whole shop with encrypted databases. Source: docs/security.md, Encryption."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from winbc_pipeline import secret_sources
from winbc_pipeline.flows.orders import ORDERS_TO_BC
from winbc_pipeline.privacy.erase import again, erase
from winbc_pipeline.workbench.keeping.backup import back_up
from winbc_pipeline.workbench.keeping.restore import restore

from ..staging.test_encryption import is_encrypted
from ..support.order_flow import SEND
from ..support.order_sandboxes import BC
from ..support.shops.two_ways import TO_BC, open_two_ways
from .shop import EMAIL, ID, NAMES, OF_PERSON

pytestmark = pytest.mark.proof


@pytest.fixture(autouse=True)
def _encrypted(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("WINBC_DATABASES__ENCRYPTED", "true")
    monkeypatch.setenv("WINBC_DATABASES__ENCRYPTION_KEY", "k" * 32)
    yield
    secret_sources._database_keys.clear()


def test_an_encrypted_shop_works_and_no_name_is_beside_its_databases(tmp_path: Path) -> None:
    with open_two_ways(tmp_path, on_disk=True) as shop:
        shop.shop_has(ID, email=EMAIL, **NAMES)
        shop.run(TO_BC)
        shop.order("W1", **OF_PERSON)
        shop.order("W3", **OF_PERSON)
        shop.fault(BC, {"kind": "drop_after", **SEND, "nth": 1})
        shop.run(ORDERS_TO_BC.id)
        lost = {key: row["state"] for key, row in shop.ledger().items()}
        folder = shop.settings.state_folder
        backup = back_up(shop.settings, tmp_path / "backup.zip")
        everything = [path.read_bytes().lower() for path in folder.rglob("*") if path.is_file()]
        planted = [EMAIL, *NAMES.values()]
        assert [value for value in planted for each in everything if value.lower().encode() in each] == []
        assert all(map(is_encrypted, folder.glob("*.duckdb")))
        erase(shop.settings, EMAIL)
        restore(shop.settings, backup)
        assert list(again(shop.settings)), "who is in the backup is found in its encrypted databases"
        shop.fault(BC)
        shop.pass_time(21 * 60)
        for flow in (TO_BC, ORDERS_TO_BC.id):
            shop.run(flow)
        assert "UNKNOWN" in lost.values()
        assert {row["state"] for row in shop.ledger().values()} == {"CONFIRMED"}
        assert ID not in shop.rows(TO_BC)
