"""A host that sends slowly or without end holds no run up and fills no memory: real sockets on loopback.

Source: test catalogue, rows 64 (what unpacks to too much) and 65 (a byte now and then). The clock is the test's: the
host moves it with each piece that it sends, so no test waits.
"""

import itertools
import socket
import threading
import tracemalloc
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress

import pytest

from winbc_pipeline.errors import SystemUnavailable, UnreadableAnswer
from winbc_pipeline.systems.transport import Limits, Lost, Transport

from .test_transport import Time

MB = 2**20
OK = b"HTTP/1.1 200 OK\r\n"
ENDLESS = {
    "status line": (),
    "headers": (OK, b"X-Slow: "),
    "many headers": (OK, b"A: 1\r\n" * 3),
    "body": (OK, b"Content-Length: 9999999\r\n\r\n"),
    "chunked body": (OK, b"Transfer-Encoding: chunked\r\n\r\n", b"fffff\r\n"),
}


@contextmanager
def host(answer: Callable[[int], Iterable[bytes]]) -> Iterator[tuple[str, list[int]]]:
    """A host on loopback until the block ends.

    Args:
        answer: what it sends to the request of a number, piece by piece.
    Yields: its address, and for each request the number of its connection.
    """
    asked: list[int] = []

    def serve(connection: socket.socket, number: int) -> None:
        with connection, suppress(OSError):  # whoever asked may have gone
            while connection.recv(64 * 1024):
                asked.append(number)
                for piece in answer(len(asked)):
                    connection.sendall(piece)

    def accept(listener: socket.socket) -> None:
        with suppress(OSError):
            for number in itertools.count():
                threading.Thread(target=serve, args=(listener.accept()[0], number), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, args=(listener,), daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", asked


def transport(address: str, time: Time, **limits: float) -> Transport:
    bounds = Limits(**{"tries": 1, "deadline_s": 10} | limits)  # type: ignore[arg-type]
    return Transport("BC", address, lambda _: "Basic x", bounds, time.sleep, time.read)


def dripping(time: Time, first: Iterable[bytes]) -> Iterator[bytes]:
    """A byte every 0.4 s, without end; no single wait is long."""
    yield from first
    while True:
        time.now += 0.4
        yield b"1"


@pytest.mark.parametrize("first", ENDLESS.values(), ids=ENDLESS)
def test_an_answer_that_drips_ends_with_the_deadline_wherever_it_drips(first: tuple[bytes, ...]) -> None:
    """Row 65."""
    time = Time()
    ended = pytest.raises(SystemUnavailable, match="ReadTimeout|TimeoutError")
    with host(lambda _: dripping(time, first)) as (address, _), ended:
        transport(address, time).call("GET", "items")


def test_a_write_whose_answer_drips_may_have_arrived() -> None:
    """Row 65: it is looked up before it is sent again."""
    time = Time()
    with host(lambda _: dripping(time, (OK, b"X-Slow: "))) as (address, _), pytest.raises(Lost, match="ReadTimeout"):
        transport(address, time).call("POST", "orders", content=b"{}", idempotent=False)


def test_each_call_of_a_connection_has_a_deadline_of_its_own() -> None:
    time = Time()

    def answer(_: int) -> Iterator[bytes]:
        time.now += 8
        yield OK + b"Content-Length: 2\r\n\r\n{}"

    with host(answer) as (address, asked):
        door = transport(address, time)
        assert [door.call("GET", "items").json() for _ in range(3)] == [{}] * 3
        door.close()
    assert asked == [0, 0, 0]


def packed(size: int) -> bytes:
    """So many zeros, packed with gzip."""
    packer = zlib.compressobj(wbits=31)
    zeros = bytes(MB)
    return b"".join(packer.compress(zeros) for _ in range(size // MB)) + packer.flush()


def test_what_unpacks_to_too_much_is_unpacked_no_further_than_the_cap() -> None:
    """Row 64: 64 MB in 0.06 MB. A piece of 16 KB unpacks to 16 MB, which zlib holds twice while it grows."""
    bomb = packed(64 * MB)
    assert len(bomb) < MB / 8
    head = OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb)
    with host(lambda _: (head, bomb)) as (address, _):
        door = transport(address, Time(), answer_bytes=4 * MB)
        tracemalloc.start()
        try:
            with pytest.raises(UnreadableAnswer, match="larger than"):
                door.call("GET", "items")
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
            door.close()
    assert peak < (4 + 3 * 17) * MB, f"{peak / MB:.0f} MB"
