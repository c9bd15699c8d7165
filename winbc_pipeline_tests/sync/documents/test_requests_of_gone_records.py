"""An order request names records by their codes. One that was deleted since the plan refuses its order alone.

API v2.0, which takes the ids, refuses such an order alone, too.
"""

import json
from types import SimpleNamespace
from typing import Any

from pydantic import SecretStr

from winbc_pipeline.settings import BusinessCentralSettings, Settings
from winbc_pipeline.sync.documents.by_key.sending import Request, Requests
from winbc_pipeline.systems.business_central import Operation, Result


class Refusing:
    """An app that refuses what it gets, and keeps it."""

    def __init__(self) -> None:
        self.got: list[Operation] = []

    def run(self, operations: list[Operation]) -> list[Result]:
        self.got += operations
        return [Result(each.id, 400, {"error": {"code": "Busy", "message": ""}}) for each in operations]


def test_an_order_that_names_a_deleted_record_is_refused_alone() -> None:
    bc = BusinessCentralSettings(base_url="http://127.0.0.1:1/v2.0", user="winbc", password=SecretStr("secret"))
    settings = Settings(bc=bc)
    target: Any = SimpleNamespace(root="companies(1)")
    requests, app = Requests(settings, target, "salesOrders", "salesOrderLines", "key"), Refusing()
    requests.close()
    requests.app = app  # type: ignore[assignment]
    requests.codes |= {"paymentTerms": {"there": "30 DAYS"}, "itemVariants": {}}
    bodies = [{"paymentTermsId": own, "salesOrderLines": []} for own in ("gone", "there")]
    gone, there = requests.send([Request(body["paymentTermsId"], json.dumps(body)) for body in bodies])
    assert (gone.status, there.status) == (404, 400)
    assert gone.error["message"] == "paymentTerms has no record with the id gone any more"
    assert [each.id for each in app.got] == ["there"]
