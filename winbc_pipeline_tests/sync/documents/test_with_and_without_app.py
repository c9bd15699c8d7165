"""The same orders with the companion app and without: their documents are equal, field by field, to the cent.

Sources: docs/companion-app.md, "Orders that are made once"; the reference is what the sandbox makes over API v2.0.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from winbc_pipeline.settings import OrderSettings, ProductSettings

from ...support.in_process import in_process
from ...support.order_flow import OrderFlow, settings_of_order_flow
from ...support.order_sandboxes import BC, WINSTORE, WITH_APP
from ...support.shops.strange_shops import trial_of
from ..records.test_retail import RETAIL
from .test_retail_orders import rows

Record = dict[str, Any]
AS_VARIANTS = ProductSettings(variants="item_variants", accept_losses=("gtin", "price", "cost", "stock", "blocked"))
IN_CI, VARIANTS_IN_CI = (2,), (5,)
IN_SOAK, VARIANTS_IN_SOAK = (*range(30),), (2, 3, 10, 11, 12, 18, 25)
# Keys of records, and moments: they say nothing of what a document is.
NOT_COMPARED = ("@odata.etag", "id", "documentId", "lastModifiedDateTime", "shipmentDate")
MONTH = 178  # orders of the retail folder that were last modified between FIRST and LAST
SHOPS = [
    *(pytest.param(seed, None, id=f"{seed}") for seed in IN_CI),
    *(pytest.param(seed, AS_VARIANTS, id=f"{seed} variants") for seed in VARIANTS_IN_CI),
    *(pytest.param(seed, None, id=f"{seed}", marks=pytest.mark.soak) for seed in IN_SOAK if seed not in IN_CI),
    *(pytest.param(seed, AS_VARIANTS, id=f"{seed} variants", marks=pytest.mark.soak) for seed in VARIANTS_IN_SOAK),
]


def documents(flow: OrderFlow) -> dict[str, Record]:
    """The sales orders by reference, each with its lines by their sequence."""
    records = flow.state(BC)["records"]
    codes = {each["id"]: each["code"] for name in ("locations", "itemVariants") for each in records.get(name, [])}
    found = {each["id"]: compared(each, codes) for each in records.get("salesOrders", [])}
    for line in records.get("salesOrderLines", []):
        found[line["documentId"]][f"line {line['sequence']}"] = compared(line, codes)
    return {each["externalDocumentNumber"]: each for each in found.values()}


def compared(record: Record, codes: dict[str, str]) -> Record:
    return {name: codes.get(str(value), value) for name, value in record.items() if name not in NOT_COMPARED}


def differing(one: dict[str, Record], other: dict[str, Record]) -> list[str]:
    """Each field of each document that differs, in words."""
    missing = [f"{name}: only on one side" for name in one.keys() ^ other.keys()]
    return missing + [
        f"{name}: {field} is {one[name].get(field)} without the app, {other[name].get(field)} with it"
        for name in one.keys() & other.keys()
        for field in one[name].keys() | other[name].keys()
        if one[name].get(field) != other[name].get(field)
    ]


def outcomes(flow: OrderFlow) -> Record:
    """State and reason of each order."""
    return {key: (row["state"], row["reason"]) for key, row in flow.ledger().items()}


@contextmanager
def retail(folder: Path, with_app: bool) -> Iterator[OrderFlow]:
    settings = settings_of_order_flow(folder)
    settings = settings.model_copy(update={"orders": OrderSettings(rounding_account="8100")})
    flow = OrderFlow(settings, WITH_APP if with_app else None)
    try:
        with in_process(flow.wire, flow.moment, flow.pass_time):
            flow._control(WINSTORE, "seed", {"folder": str(RETAIL)})
            rates = {line["sku"]: line["vat_rate"] for line in rows("order_lines")}
            item = {"displayName": "Article", "baseUnitOfMeasureCode": "PCS"}
            flow.seed(items=[item | {"number": sku, "taxGroupCode": f"VAT{rate}"} for sku, rate in rates.items()])
            yield flow
    finally:
        flow.close()


@pytest.mark.proof
@pytest.mark.parametrize(("seed", "products"), SHOPS)
def test_orders_of_strange_shops_are_the_same(
    seed: int, products: ProductSettings | None, tables: Path, tmp_path: Path
) -> None:
    sent: list[tuple[dict[str, Record], Record]] = []
    made: set[str] = set()
    for with_app in (False, True):
        with trial_of(seed, tmp_path / str(with_app), products, with_app) as trial:
            trial.run()
            sent.append((documents(trial), outcomes(trial)))
            requests = trial.state(BC)["records"].get("connector.winstore.orderRequests", [])
            made = {each["reference"] for each in requests}
    assert differing(sent[0][0], sent[1][0]) == []
    assert sent[0][1] == sent[1][1]
    assert set(sent[1][0]) <= made, "each order went by its key"


@pytest.mark.soak
@pytest.mark.skipif(not RETAIL.exists(), reason="the retail data is not beside this checkout")
def test_orders_of_the_retail_folder_are_the_same(tables: Path, tmp_path: Path) -> None:
    """Those of one month."""
    sent: list[tuple[dict[str, Record], Record]] = []
    for with_app in (False, True):
        with retail(tmp_path / str(with_app), with_app) as flow:
            flow.sync()
            sent.append((documents(flow), outcomes(flow)))
    assert len(sent[0][0]) == MONTH
    assert differing(sent[0][0], sent[1][0]) == []
    assert sent[0][1] == sent[1][1]
