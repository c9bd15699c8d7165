"""Planned faults, the log of calls, and the limits as a client meets them."""

import time
from typing import Any

import httpx
import pytest

from .conftest import Bc

NEW = {"displayName": "New"}


def planned(bc: Bc, kind: str, **more: Any) -> Bc:
    bc.control("__faults", {"faults": [{"kind": kind} | more]})
    return bc


def count(bc: Bc) -> int:
    return len(bc.values("customers"))


@pytest.mark.parametrize(("kind", "arrived"), [("drop_before", 0), ("drop_after", 1)])
def test_a_cut_before_or_after_the_commit_without_a_status(bc: Bc, kind: str, arrived: int) -> None:
    with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
        planned(bc, kind).call("POST", "customers", NEW)
    assert count(bc) == arrived
    (cut, _) = bc.control("__log")["calls"]
    assert (cut["status"], cut["fault"]) == (0, kind)


@pytest.mark.parametrize(("kind", "arrived"), [("status", 0), ("status_after", 1)])
def test_a_status_before_or_after_the_commit(bc: Bc, kind: str, arrived: int) -> None:
    assert planned(bc, kind, status=502).call("POST", "customers", NEW).status_code == 502
    assert count(bc) == arrived


def test_a_late_commit_comes_after_the_answer(bc: Bc) -> None:
    assert planned(bc, "late", seconds=0.3).call("POST", "customers", NEW).status_code == 504
    assert count(bc) == 0
    ends = time.monotonic() + 10
    while not count(bc) and time.monotonic() < ends:
        pass
    assert count(bc) == 1


@pytest.mark.parametrize(
    ("kind", "status"), [("redirect", 302), ("stale_etag", 409), ("expired_token", 401), ("storm", 429), ("html", 200)]
)
def test_answers_instead_of_the_true_one(bc: Bc, kind: str, status: int) -> None:
    assert planned(bc, kind).call("POST", "customers", NEW).status_code == status
    assert count(bc) == 0


def test_half_an_answer_and_bytes_that_are_none(bc: Bc) -> None:
    bc.post("customers", NEW)
    for kind in ("truncate", "garbage"):
        with pytest.raises(ValueError, match=r".*"):
            planned(bc, kind).call("GET", "customers").json()


def test_half_an_answer_has_the_true_status(bc: Bc) -> None:
    assert planned(bc, "truncate").call("POST", "customers", NEW).status_code == 201


@pytest.mark.parametrize("kind", ["partial_batch", "shuffled_batch", "next_link"])
def test_an_answer_that_is_no_batch_or_page_stays_as_it_is(bc: Bc, kind: str) -> None:
    assert planned(bc, kind).post("customers", NEW)["displayName"] == "New"
    one = {"id": "1", "method": "GET", "url": "companies"}
    answer = planned(bc, kind).http.post(f"{bc.base}/$batch", json={"requests": [one]})
    assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (200, "multipart/mixed")


def test_a_bomb_is_small_on_the_line_and_large_in_memory(bc: Bc) -> None:
    with planned(bc, "bomb", megabytes=5).http.stream("GET", bc.url("customers")) as answer:
        assert sum(len(chunk) for chunk in answer.iter_raw()) < 10_000
    assert len(planned(bc, "bomb", megabytes=5).call("GET", "customers").content) == 5 * 2**20


def test_a_drip_comes_whole_in_the_end(bc: Bc) -> None:
    assert planned(bc, "drip", seconds=0).call("GET", "customers").json()["value"] == []


def test_a_next_link_to_another_host(bc: Bc) -> None:
    assert "evil.example" in planned(bc, "next_link").get("customers")["@odata.nextLink"]


@pytest.mark.parametrize(("kind", "ids"), [("partial_batch", ["0"]), ("shuffled_batch", ["1", "0"])])
def test_answers_of_a_batch_that_lack_or_stand_otherwise(bc: Bc, kind: str, ids: list[str]) -> None:
    url = bc.url("customers").removeprefix(bc.base + "/")
    requests = [{"id": str(n), "method": "POST", "url": url, "body": NEW} for n in range(2)]
    assert [answer["id"] for answer in planned(bc, kind).batch(*requests)] == ids
    assert count(bc) == 2


def test_a_fault_befalls_the_nth_call_to_a_path(bc: Bc) -> None:
    planned(bc, "storm", path="/items", method="GET", nth=2, times=2)
    assert bc.call("GET", "customers").status_code == 200
    assert [bc.call("GET", "items").status_code for _ in range(4)] == [200, 429, 429, 200]


def test_a_fault_with_a_probability_is_the_same_for_the_same_seed(bc: Bc) -> None:
    def statuses() -> list[int]:
        planned(bc, "storm", probability=0.5, seed=3, times=99)
        return [bc.call("GET", "items").status_code for _ in range(12)]

    first = statuses()
    assert first == statuses()
    assert set(first) == {200, 429}


def test_the_log_has_every_call_and_the_state_every_write(bc: Bc) -> None:
    planned(bc, "status", status=500, path="items")
    bc.call("GET", "items")
    bc.call("POST", "customers", NEW, client_request_id="r-1")
    bc.call("POST", "customers", {})
    calls = bc.control("__log")["calls"]
    assert [(call["method"], call["status"], call.get("fault")) for call in calls] == [
        ("GET", 500, "status"),
        ("POST", 201, None),
        ("POST", 400, None),
    ]
    (write,) = bc.control("__state")["writes"]
    assert (write["method"], write["entity"], write["request_id"]) == ("POST", "customers", "r-1")
    assert write["at"].endswith("Z")
