"""A restore brings nobody back who was erased. Sources: docs/operations.md, Restore; GDPR Article 17."""

import shutil
from pathlib import Path

import pytest

from winbc_pipeline.flows.orders import ORDERS_TO_BC
from winbc_pipeline.privacy.erase import again, erase
from winbc_pipeline.workbench.keeping.restore import restore

from ..support.shops.two_ways import TO_BC, TwoWays
from .shop import ID, OTHER, PLANTED, hits

pytestmark = [pytest.mark.proof, pytest.mark.files]


def backup_of(shop: TwoWays) -> Path:
    (path,) = (shop.settings.state_folder / "backups").glob("*.zip")
    return path


def runs_bring_nobody_back(shop: TwoWays) -> None:
    documents = len(shop.records("salesOrders"))
    shop.in_winstore(ID, street="Canarystraat 9")
    shop.edit("W1", branch="3")
    for flow in (TO_BC, ORDERS_TO_BC.id):
        shop.run(flow)
    assert hits(shop.settings, PLANTED) == set()
    assert len(shop.records("salesOrders")) == documents
    assert shop.ledger()["W9"]["state"] == "CONFIRMED"


def test_a_backup_without_the_person_can_still_be_restored(erased_shop: TwoWays) -> None:
    shop = erased_shop
    restore(shop.settings, backup_of(shop))
    assert list(again(shop.settings)) == [], "nobody is there again"
    runs_bring_nobody_back(shop)


def test_who_was_erased_after_a_backup_was_made_is_erased_again_when_it_is_restored(
    shop: TwoWays, tmp_path: Path
) -> None:
    elsewhere = Path(shutil.copy(backup_of(shop), tmp_path / "elsewhere.zip"))
    erase(shop.settings, f"winstore:{ID}")
    restore(shop.settings, elsewhere)
    assert {value for _, value in hits(shop.settings, PLANTED)} == set(PLANTED)
    assert list(again(shop.settings))
    assert {value for _, value in hits(shop.settings, [OTHER["email"]])}, "nobody else"
    assert list(again(shop.settings)) == []
    runs_bring_nobody_back(shop)


def test_a_new_machine_knows_who_was_erased(erased_shop: TwoWays, tmp_path: Path) -> None:
    """Also from a backup of before the erasing: each backup in the folder gets the marks."""
    shop = erased_shop
    elsewhere = Path(shutil.copy(backup_of(shop), tmp_path / "elsewhere.zip"))
    shutil.rmtree(shop.settings.state_folder)
    restore(shop.settings, elsewhere)
    runs_bring_nobody_back(shop)
