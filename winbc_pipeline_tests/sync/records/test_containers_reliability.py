"""Container items when calls fail and processes die: each is made once, and each SKU finds its own.

Promises: docs/products.md, Variants; what each flow keeps: test_conformance.py.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import product
from pathlib import Path

import pytest

from winbc_pipeline.errors import WinbcError
from winbc_pipeline.flows.products import PRODUCTS, PRODUCTS_TO_WINSTORE
from winbc_pipeline.sync.crash_points import POINTS_BESIDE, POINTS_OF_RECORDS

from ...support.order_sandboxes import BC, WINSTORE
from ...support.shops.product_shop import ProductShop, open_product_shop
from .test_app_fields import install, settings_of
from .test_containers import BLUE, GREEN, RED, parents
from .test_products_reliability import FAULTS, in_proof, settle_down

pytestmark = pytest.mark.proof

# A point, and when a run dies there: at the containers, or at the items of their SKUs.
IN_PROOF = (("after record answer", 1), ("before fields beside", 1))
CRASHES = [in_proof(case, case in IN_PROOF) for case in product((*POINTS_OF_RECORDS, *POINTS_BESIDE), (1, 2))]


@contextmanager
def with_containers(folder: Path) -> Iterator[ProductShop]:
    """An article of two SKUs is in both systems; it gets a third one, and a new article comes."""
    with open_product_shop(folder) as shop:
        install(shop)
        shop.products(container=True, direction="both")
        shop.sells("7", RED, BLUE, category="Clothing")
        shop.passes()
        shop.sells("7", RED, BLUE, GREEN, category="Clothing")
        shop.sells("9", {"sku": "COAT-R", "color": "red"}, {"sku": "COAT-B", "color": "blue"}, category="Clothing")
        yield shop


def assert_made_once(shop: ProductShop) -> None:
    """Each article has its container, each SKU its parent, and a further pass writes nothing."""
    assert parents(shop) == dict.fromkeys(("SHIRT-R", "SHIRT-B", "SHIRT-G"), "ART-7") | dict.fromkeys(
        ("COAT-R", "COAT-B"), "ART-9"
    )
    assert {number for number in shop.numbers() if number.startswith("ART-")} == {"ART-7", "ART-9"}
    assert {settings_of(shop, number)["productKind"] for number in ("ART-7", "ART-9")} == {"Configurable"}
    assert {row[0] for row in shop.states("container").values()} == {"CONFIRMED"}
    assert not any("ART" in key for key in shop.states("article", PRODUCTS_TO_WINSTORE))
    before = shop.all_writes()
    shop.passes()
    assert shop.all_writes() == before


@pytest.mark.parametrize(("point", "times"), CRASHES)
def test_a_run_that_dies_is_completed_and_no_container_is_there_twice(tmp_path: Path, point: str, times: int) -> None:
    with with_containers(tmp_path) as shop:
        assert shop.run_dies_at(PRODUCTS, point, times) or times > 1
        settle_down(shop)
        assert_made_once(shop)


@pytest.mark.soak
@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_on_any_call_loses_no_container_and_doubles_none(tmp_path: Path, kind: str) -> None:
    for number, (port, path) in enumerate(calls(tmp_path / "calls")):
        folder = tmp_path / str(number)
        folder.mkdir()
        with with_containers(folder) as shop:
            shop.fault(port, {"kind": kind, "path": path, "nth": 1} | FAULTS[kind])
            with suppress(WinbcError):
                shop.run_of(PRODUCTS)
            shop.fault(port)
            settle_down(shop)
            assert_made_once(shop)


def calls(folder: Path) -> list[tuple[int, str]]:
    """The calls of the run after the story: system, and path without the query; each once."""
    folder.mkdir()
    with with_containers(folder) as shop:
        before = {port: len(shop.log(port)) for port in (BC, WINSTORE)}
        shop.run_of(PRODUCTS)
        made = [(port, path) for port in (BC, WINSTORE) for _, path in shop.log(port)[before[port] :]]
        return list(dict.fromkeys((port, path.rpartition("v1.0/")[2].rpartition("v2.0/")[2]) for port, path in made))
