"""What is true of every call: what is retried, what never is, what it costs, and where credentials may go."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import httpx
import pytest
import respx

from winbc_pipeline import clock
from winbc_pipeline.errors import AuthenticationFailed, ConfigurationError, SystemUnavailable, UnreadableAnswer
from winbc_pipeline.systems.transport import Limits, Lost, Transport

BASE = "https://bc.example/api"


@dataclass
class Time:
    """A clock that moves only by sleeping."""

    now: float = 1000
    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def read(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def door(time: Time) -> Callable[..., Transport]:
    def make(**limits: float) -> Transport:
        bounds = Limits(**limits)  # type: ignore[arg-type]
        return Transport(
            "BC", BASE, lambda again: "Bearer two" if again else "Bearer one", bounds, time.sleep, time.read
        )

    return make


@respx.mock
def test_a_read_is_tried_again_until_it_is_answered(door: Callable[..., Transport]) -> None:
    route = respx.get(f"{BASE}/items").mock(
        side_effect=[httpx.ReadTimeout("cut"), httpx.Response(503), httpx.Response(200, json={"value": []})]
    )
    assert door().call("GET", "items").json() == {"value": []}
    assert route.call_count == 3


@respx.mock
@pytest.mark.parametrize("cut", [httpx.ReadTimeout("cut"), httpx.RemoteProtocolError("cut"), httpx.ReadError("cut")])
def test_a_write_that_may_have_arrived_is_never_sent_twice(
    door: Callable[..., Transport], cut: httpx.TransportError
) -> None:
    route = respx.post(f"{BASE}/orders").mock(side_effect=cut)
    with pytest.raises(Lost):
        door().call("POST", "orders", content=b"{}", idempotent=False)
    assert route.call_count == 1


@respx.mock
@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_servers_error_to_a_write_is_handed_to_the_caller(door: Callable[..., Transport], status: int) -> None:
    route = respx.post(f"{BASE}/orders").mock(return_value=httpx.Response(status))
    assert door().call("POST", "orders", content=b"{}", idempotent=False).status == status
    assert route.call_count == 1


@respx.mock
def test_a_write_that_certainly_did_not_arrive_is_sent_again(door: Callable[..., Transport]) -> None:
    respx.post(f"{BASE}/orders").mock(
        side_effect=[httpx.ConnectError("refused"), httpx.Response(429), httpx.Response(201, json={"id": "1"})]
    )
    assert door().call("POST", "orders", content=b"{}", idempotent=False).status == 201


@respx.mock
def test_retry_after_is_honoured_within_a_cap(door: Callable[..., Transport], time: Time) -> None:
    respx.get(f"{BASE}/items").mock(
        side_effect=[
            httpx.Response(429, headers={"Retry-After": "7"}),
            httpx.Response(503, headers={"Retry-After": "86400"}),
            httpx.Response(200, json={}),
        ]
    )
    door(longest_wait_s=20).call("GET", "items")
    assert time.slept == [7, 20]


@respx.mock
def test_a_refused_token_is_renewed_once(door: Callable[..., Transport]) -> None:
    route = respx.get(f"{BASE}/items").mock(side_effect=[httpx.Response(401), httpx.Response(200, json={})])
    assert door().call("GET", "items").status == 200
    assert [call.request.headers["authorization"] for call in route.calls] == ["Bearer one", "Bearer two"]


@respx.mock
def test_refused_credentials_end_the_call_and_stay_out_of_the_error(door: Callable[..., Transport]) -> None:
    route = respx.get(f"{BASE}/items").mock(return_value=httpx.Response(401))
    with pytest.raises(AuthenticationFailed) as caught:
        door().call("GET", "items")
    assert route.call_count == 2
    assert "Bearer" not in str(caught.value)


@respx.mock
@pytest.mark.parametrize("url", ["https://evil.example/api/items", "https://bc.example:8443/api", "http://bc.example/"])
def test_credentials_go_to_the_configured_host_only(door: Callable[..., Transport], url: str) -> None:
    with pytest.raises(UnreadableAnswer, match="another host"):
        door().call("GET", url)
    assert respx.calls.call_count == 0


def test_plain_http_is_for_loopback_only() -> None:
    with pytest.raises(ConfigurationError, match="https"):
        Transport("BC", "http://bc.example", lambda _: "")


@respx.mock
def test_an_answer_without_end_is_cut_off(door: Callable[..., Transport]) -> None:
    respx.get(f"{BASE}/items").mock(return_value=httpx.Response(200, content=b"x" * 2000))
    with pytest.raises(UnreadableAnswer, match="larger than 1000 bytes"):
        door(answer_bytes=1000).call("GET", "items")


@respx.mock
def test_calls_beyond_the_budget_wait_for_the_window_to_move(door: Callable[..., Transport], time: Time) -> None:
    respx.get(f"{BASE}/items").mock(return_value=httpx.Response(200, json={}))
    narrow = door(requests_per_window=2, window_s=300)
    for _ in range(3):
        narrow.call("GET", "items")
    assert time.slept == [300]


@respx.mock
def test_a_dead_host_is_left_alone_for_a_while_and_then_asked_again(door: Callable[..., Transport], time: Time) -> None:
    route = respx.get(f"{BASE}/items").mock(side_effect=httpx.ConnectError("refused"))
    transport = door(tries=3, breaker_s=30)
    with pytest.raises(SystemUnavailable, match="3 times"):
        transport.call("GET", "items")
    with pytest.raises(SystemUnavailable, match="a moment ago"):
        transport.call("GET", "items")
    assert route.call_count == 3

    time.now += 31
    route.mock(side_effect=None, return_value=httpx.Response(200, json={}))
    assert transport.call("GET", "items").status == 200


class Endless(httpx.SyncByteStream):
    """A body that counts how much of it was read."""

    read = 0

    def __iter__(self) -> Iterator[bytes]:
        while True:
            self.read += 100
            yield b"x" * 100


@respx.mock
def test_reading_stops_once_enough_came(door: Callable[..., Transport]) -> None:
    body = Endless()
    respx.get(f"{BASE}/items").mock(return_value=httpx.Response(200, stream=body))
    answer = door(answer_bytes=5000).call("GET", "items", enough=950)
    assert (answer.cut, len(answer.content)) == (True, 950)
    assert body.read == 1000


@respx.mock
@pytest.mark.parametrize("size", [0, 950])
def test_an_answer_that_is_no_longer_than_enough_is_whole(door: Callable[..., Transport], size: int) -> None:
    respx.get(f"{BASE}/items").mock(return_value=httpx.Response(200, content=b"x" * size))
    answer = door().call("GET", "items", enough=950)
    assert (answer.cut, len(answer.content)) == (False, size)


@respx.mock
def test_a_call_that_is_tried_once_names_refused_credentials_too(door: Callable[..., Transport]) -> None:
    route = respx.get(f"{BASE}/items").mock(return_value=httpx.Response(401))
    with pytest.raises(AuthenticationFailed):
        door(tries=1).call("GET", "items")
    assert route.call_count == 1


@respx.mock
@pytest.mark.parametrize(
    ("date", "ahead"),
    [
        ({"date": "Tue, 10 Mar 2026 12:05:00 GMT"}, timedelta(minutes=5)),
        ({"date": "Tue, 10 Mar 2026 11:59:00 -0000"}, timedelta(minutes=-1)),
        ({"date": "yesterday"}, timedelta()),
        ({}, timedelta()),
    ],
)
def test_the_clock_of_the_host_is_compared_with_ours(
    door: Callable[..., Transport], monkeypatch: pytest.MonkeyPatch, date: dict[str, str], ahead: timedelta
) -> None:
    monkeypatch.setattr(clock, "now", lambda: datetime(2026, 3, 10, 12, tzinfo=UTC))
    respx.get(f"{BASE}/items").mock(return_value=httpx.Response(200, headers=date))
    transport = door()
    transport.call("GET", "items")
    assert transport.server_ahead == ahead
