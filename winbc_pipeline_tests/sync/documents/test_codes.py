"""Codes of Business Central, looked up before documents are decided."""

import threading
from typing import Any, cast

from winbc_pipeline.sync.outcomes import refusal
from winbc_pipeline.sync.records.target.references import IdsByCode
from winbc_pipeline.systems.business_central import BusinessCentral, Result

REFERENCES = {"paymentTermsId": "paymentTerms", "shipmentMethodId": "shipmentMethods", "locationId": "locations"}


class Answering:
    """Answers a look-up only once another one is waiting beside it."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.both = threading.Barrier(2, timeout=10)

    def get(self, path: str) -> list[dict[str, Any]]:
        self.asked.append(path.split("?")[0])
        self.both.wait()
        return [{"code": "Net30", "id": "1"}]


def test_the_sets_of_which_codes_are_named_are_read_once_and_beside_each_other() -> None:
    target = Answering()
    ids = IdsByCode(cast(BusinessCentral, target))
    payloads: list[dict[str, str | None]] = [
        {"paymentTermsId": "NET30", "locationId": None},
        {"shipmentMethodId": "NET30"},
    ]
    ids.read((REFERENCES, payload) for payload in payloads)
    ids.read((REFERENCES, payload) for payload in payloads)
    assert sorted(target.asked) == ["paymentTerms", "shipmentMethods"]
    assert ids["paymentTerms"] == {"NET30": "1"}


def test_a_text_that_business_central_finds_too_long_is_told_in_its_own_words() -> None:
    """The sandbox takes what the mapping lets through; a field of an extension may be shorter."""
    error = {
        "code": "Application_StringExceededLength",
        "message": "The length of the string is 31.  CorrelationId: x.",
    }
    reason, words = refusal(Result("1", 400, {"error": error}))
    assert (reason, words) == (
        "TOO_LONG",
        "Application_StringExceededLength: The length of the string is 31.",
    )
