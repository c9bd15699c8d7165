"""The reader of pictures asks allowed hosts of the internet only, and takes whole JPEG and PNG files within the limits.

Source: test catalogue, rows 63 (addresses) and 64 (sizes).
"""

import socket
import struct
import threading
import zlib
from collections.abc import Iterator
from typing import Any

import httpcore
import pytest

from winbc_pipeline.systems import pictures
from winbc_pipeline.systems.pictures import BadPicture, Limits, PictureReader, PictureUnavailable, check, is_public

from ..support.shops.pictures import jpeg, png

PUBLIC = "93.184.216.34"
HOST = "cdn.example"


class Internet:
    """What answers at which IP address; it notes every connection."""

    def __init__(self, answer: bytes = b"", names: dict[str, list[str]] | None = None) -> None:
        self.answer, self.names = answer, names or {HOST: [PUBLIC]}
        self.connections: list[tuple[str, int]] = []
        self.asked: list[str] = []
        self.sent: list[bytes] = []

    def resolve(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        if host not in self.names:
            raise socket.gaierror
        return self.names[host]

    def connect(self, address: str, port: int, seconds: float) -> httpcore.NetworkStream:
        self.connections.append((address, port))
        return Wire(self)

    def reader(self, *hosts: str, **options: Any) -> PictureReader:
        return PictureReader(hosts or (HOST,), resolve=self.resolve, connect=self.connect, **options)


class Wire(httpcore.MockStream):
    """A connection that gives the answer and notes what was sent, and for which name its certificate must be."""

    def __init__(self, internet: Internet) -> None:
        super().__init__([internet.answer])
        self.internet = internet

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.internet.sent.append(buffer)

    def start_tls(self, ssl_context: Any, server_hostname: Any = None, timeout: Any = None) -> httpcore.NetworkStream:
        assert server_hostname == HOST
        return self


def answer(content: bytes, status: str = "200 OK", headers: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\n{headers}Content-Length: {len(content)}\r\n\r\n".encode() + content


def test_a_picture_is_read_from_the_address_that_was_resolved_and_from_no_other() -> None:
    internet = Internet(answer(png(4, 3)))
    assert internet.reader().read(f"https://{HOST}/mugs/blue mug.png?w=4") == png(4, 3)
    assert internet.asked == [HOST], "it is resolved once"
    assert internet.connections == [(PUBLIC, 443)]
    assert internet.sent[0].startswith(b"GET /mugs/blue%20mug.png?w=4 HTTP/1.1\r\nHost: cdn.example\r\n")
    assert b"uthorization" not in internet.sent[0]


HOSTILE = [
    "file:///etc/passwd",
    "http://cdn.example/a.png",
    "ftp://cdn.example/a.png",
    "gopher://cdn.example/",
    "https://127.0.0.1/a.png",
    "https://169.254.169.254/latest/meta-data/",
    "https://[::1]/a.png",
    "https://0x7f.1/a.png",
    "https://2130706433/a.png",
    "https://017700000001/a.png",
    "https://localhost/a.png",
    "https://cdn.example@127.0.0.1/a.png",
    "https://user:secret@cdn.example/a.png",
    "https://cdn.example:8443/a.png",
    "https://cdn.example.evil.example/a.png",
    "https://evil.example/cdn.example/a.png",
    "https://evil.example#cdn.example/a.png",
    "https://evil.example\\@cdn.example/a.png",
    "https://cdn.example\\.evil.example/a.png",
    "https://ⓒdn.example/a.png",
    "https://cdn.example:port/a.png",
    "https://[::1",
    "https:///a.png",
    "://",
]


@pytest.mark.parametrize("address", HOSTILE)
def test_an_address_that_is_not_allowed_is_neither_resolved_nor_connected_to(address: str) -> None:
    internet = Internet(answer(png()), {})
    with pytest.raises(BadPicture):
        internet.reader().read(address)
    assert (internet.asked, internet.connections) == ([], [])


PRIVATE = [
    "127.0.0.1",
    "127.9.9.9",
    "0.0.0.0",  # noqa: S104 - it is refused
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "168.63.129.16",
    "192.0.0.192",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:93.184.216.34",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::7f00:1",
    "2002:7f00:1::",
    "2001:0:7f00:1::",
    "2001:db8::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "no address",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_a_name_that_means_a_computer_outside_the_internet_is_not_connected_to(address: str) -> None:
    internet = Internet(answer(png()), {HOST: [PUBLIC, address]})
    with pytest.raises(BadPicture, match="no computer of the internet"):
        internet.reader().read(f"https://{HOST}/a.png")
    assert internet.connections == []


@pytest.mark.parametrize("address", [PUBLIC, "8.8.8.8", "2606:2800:220:1::1"])
def test_computers_of_the_internet_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("spelling", ["127.0.0.1", "0x7f.1", "2130706433", "localhost"])
def test_a_host_of_this_computer_is_not_connected_to_even_if_the_settings_allow_it(
    spelling: str, listening: "Listening"
) -> None:
    reader = PictureReader([f"{spelling}:{listening.port}"])  # as this computer resolves names, and connects
    with pytest.raises(BadPicture, match="no computer of the internet"):
        reader.read(f"https://{spelling}:{listening.port}/a.png")
    assert listening.connections == 0


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Moved", "308 Moved"])
def test_a_redirect_is_not_followed(status: str) -> None:
    internet = Internet(answer(b"", status, "Location: https://127.0.0.1/a.png\r\n"))
    with pytest.raises(BadPicture, match="sends to another address"):
        internet.reader().read(f"https://{HOST}/a.png")
    assert internet.connections == [(PUBLIC, 443)]


@pytest.mark.parametrize("status", ["403 Forbidden", "404 Not Found", "410 Gone", "204 No Content"])
def test_a_picture_that_the_host_does_not_have_is_bad(status: str) -> None:
    with pytest.raises(BadPicture, match="does not have it"):
        Internet(answer(b"", status)).reader().read(f"https://{HOST}/a.png")


@pytest.mark.parametrize("status", ["408 Timeout", "429 Too Many", "500 Error", "503 Busy"])
def test_a_host_that_is_busy_may_have_the_picture_later(status: str) -> None:
    with pytest.raises(PictureUnavailable, match=f"answers {status[:3]}"):
        Internet(answer(b"", status)).reader().read(f"https://{HOST}/a.png")


def test_a_name_that_cannot_be_resolved_may_be_resolved_later() -> None:
    with pytest.raises(PictureUnavailable, match="cannot be resolved"):
        Internet(names={"other.example": [PUBLIC]}).reader().read(f"https://{HOST}/a.png")


@pytest.mark.parametrize("whole", [b"", b"no HTTP", answer(png())[:-10]])
def test_an_answer_that_is_cut_off_may_be_whole_later(whole: bytes) -> None:
    with pytest.raises(PictureUnavailable, match="does not give it"):
        Internet(whole).reader().read(f"https://{HOST}/a.png")


def test_reading_stops_at_the_cap() -> None:
    endless = b"HTTP/1.1 200 OK\r\n\r\n" + png() + bytes(3 * 2**20)
    internet = Internet(endless)
    with pytest.raises(BadPicture, match="larger than 1 MB"):
        internet.reader(limits=Limits(content_bytes=2**20)).read(f"https://{HOST}/a.png")


def test_a_packed_answer_is_not_unpacked() -> None:
    packed = zlib.compress(bytes(50 * 2**20))
    internet = Internet(answer(packed, headers="Content-Encoding: deflate\r\n"))
    with pytest.raises(BadPicture, match="neither JPEG nor PNG"):
        internet.reader().read(f"https://{HOST}/a.png")


def test_all_that_a_host_takes_together_ends_with_the_deadline() -> None:
    seconds = iter(range(1000))  # each look at the clock is a second later
    internet = Internet(b"")
    reader = internet.reader(limits=Limits(deadline_s=20), clock=lambda: next(seconds))
    drips = [bytes([byte]) for byte in answer(png())]
    internet.connect = lambda *_: httpcore.MockStream(drips)  # type: ignore[method-assign]
    reader.connect = internet.connect
    with pytest.raises(PictureUnavailable, match="Timeout"):
        reader.read(f"https://{HOST}/a.png")
    assert next(seconds) < 30


@pytest.mark.parametrize("content", [png(1, 1), png(8000, 5000), jpeg(4, 3), jpeg(6000, 6000), jpeg(4, 3) + b"more"])
def test_whole_pictures_within_the_limits_pass(content: bytes) -> None:
    check(content)


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (b"", "neither JPEG nor PNG"),
        (b"GIF89a" + bytes(20), "neither JPEG nor PNG"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "neither JPEG nor PNG"),
        (b"<html>a sign-in page</html>", "neither JPEG nor PNG"),
        (png()[:-4], "not a whole picture"),
        (png()[:20], "not a whole picture"),
        (png(0, 5), "not a whole picture"),
        (jpeg()[:-2], "not a whole picture"),
        (jpeg()[:8], "not a whole picture"),
        (jpeg(0, 5), "not a whole picture"),
        (b"\xff\xd8\xff", "not a whole picture"),
        (b"\xff\xd8" + b"\xff" * 100_000, "not a whole picture"),
        (png(8000, 5001), "8000 x 5001 pixels, more than 40 million"),
        (png(2**31 - 1, 2**31 - 1), "more than 40 million"),
        (jpeg(65535, 65535), "more than 40 million"),
        (png() + bytes(5 * 2**20), "larger than 5 MB"),
    ],
    ids=range(16),
)
def test_what_is_no_picture_is_refused_with_the_rule(content: bytes, rule: str) -> None:
    with pytest.raises(BadPicture, match=rule):
        check(content)


def test_the_end_of_a_small_picture_inside_a_jpeg_is_not_its_end() -> None:
    thumbnail = b"\xff\xe1" + struct.pack(">H", 2 + len(jpeg(2, 2))) + jpeg(2, 2)
    whole = jpeg(4, 3)[:2] + thumbnail + jpeg(4, 3)[2:]
    assert pictures.size(whole) == (4, 3)
    with pytest.raises(BadPicture, match="not a whole picture"):
        check(whole[:-2])


class Listening:
    """A port of this computer that counts connections."""

    def __init__(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port, self.connections = self.socket.getsockname()[1], 0
        threading.Thread(target=self._count, daemon=True).start()

    def _count(self) -> None:
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.connections += 1
            connection.close()


@pytest.fixture
def listening() -> Iterator[Listening]:
    found = Listening()
    yield found
    found.socket.shutdown(socket.SHUT_RDWR)
    found.socket.close()


def test_the_counter_of_connections_counts(listening: Listening) -> None:
    with socket.create_connection(("127.0.0.1", listening.port)) as line:
        assert line.recv(1) == b""
    assert listening.connections == 1
