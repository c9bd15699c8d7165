"""`$batch`: order, dependence, and what a failure takes back."""

from typing import Any

import pytest

from ...conftest import Bc

ON = "odata.continue-on-error"


def operation(bc: Bc, id_: str, path: str, body: Any = None, *needs: str, **headers: str) -> dict[str, Any]:
    url = bc.url(path).removeprefix(bc.base + "/")
    found = {"id": id_, "method": "POST" if body is not None else "GET", "url": url}
    return found | ({"body": body} if body is not None else {}) | {"dependsOn": list(needs), "headers": headers}


def terms(bc: Bc, id_: str, *needs: str) -> dict[str, Any]:
    return operation(bc, id_, "paymentTerms", {"code": id_}, *needs)


def wrong(bc: Bc, id_: str) -> dict[str, Any]:
    return operation(bc, id_, "paymentTerms", {"shoeSize": 9})


def made(bc: Bc) -> list[str]:
    return [row["code"] for row in bc.values("paymentTerms?$filter=code eq 'T*'")]


@pytest.fixture
def invoice(bc: Bc, customer: dict[str, Any], item: dict[str, Any]) -> dict[str, Any]:
    lines = [{"itemId": item["id"], "quantity": 1}]
    return bc.post("salesInvoices", {"customerId": customer["id"], "salesInvoiceLines": lines})


def test_a_posting_in_a_batch_of_one_transaction_commits_what_came_before(bc: Bc, invoice: dict[str, Any]) -> None:
    post = operation(bc, "2", f"salesInvoices({invoice['id']})/Microsoft.NAV.post", {})
    requests = [terms(bc, "T1"), post, terms(bc, "T2"), wrong(bc, "4")]
    assert [answer["status"] for answer in bc.batch(*requests, Isolation="snapshot")] == [201, 204, 201, 400]
    assert made(bc) == ["T1"]
    assert bc.get(f"salesInvoices({invoice['id']})")["status"] == "Open"


def test_a_batch_of_one_transaction_without_a_failure_stays(bc: Bc) -> None:
    bc.batch(terms(bc, "T1"), terms(bc, "T2"), Isolation="snapshot")
    assert made(bc) == ["T1", "T2"]


def test_operations_come_after_those_they_depend_on(bc: Bc) -> None:
    requests = [terms(bc, "T1", "T3"), terms(bc, "T2"), terms(bc, "T3", "T2")]
    assert [answer["id"] for answer in bc.batch(*requests)] == ["T2", "T3", "T1"]


def test_an_operation_whose_dependence_failed_is_not_run(bc: Bc) -> None:
    requests = [wrong(bc, "1"), terms(bc, "T2", "1"), terms(bc, "T3", "T2"), terms(bc, "T4")]
    answers = bc.batch(*requests, Prefer=ON)
    assert {answer["id"]: answer["status"] for answer in answers} == {"1": 400, "T2": 424, "T3": 424, "T4": 201}
    assert made(bc) == ["T4"]


@pytest.mark.parametrize("needs", [["nobody"], ["T2"]])
def test_a_dependence_on_nobody_or_on_one_another_is_refused(bc: Bc, needs: list[str]) -> None:
    requests = [terms(bc, "T1", *needs), terms(bc, "T2", "T1")]
    assert bc.http.post(f"{bc.base}/$batch", json={"requests": requests}).status_code == 400
    assert made(bc) == []


def test_the_company_may_stand_in_a_header_of_the_batch(bc: Bc) -> None:
    one = {"id": "1", "method": "GET", "url": "customers"}
    assert [answer["status"] for answer in bc.batch(one, Company="CRONUS Retail")] == [200]
    assert [answer["status"] for answer in bc.batch(one, Company="Nobody")] == [404]
