"""Reads a picture from an address that somebody typed, and checks what a picture is, wherever it came from.

Here belongs: which hosts may be asked, how one is asked, what counts as a picture. Whose picture it is: sync/records/.
An address is resolved once, and exactly that address is connected to: a name that means another computer a moment
later, or one of this network, is never followed.
"""

import ipaddress
import socket
import struct
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, quote, urlsplit

import httpcore

from ..calling import calling
from .timed import Left, Timed, seconds
from .transport import authorities

LARGEST_BYTES, MOST_PIXELS = 5 * 2**20, 40_000_000
PNG, JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"
PNG_HEADER, PNG_END = b"\x00\x00\x00\rIHDR", b"IEND\xaeB`\x82"  # PNG specification, 5.6 and 11.2.2
NO_FRAMES = (0xC4, 0xC8, 0xCC)  # JPEG markers among those of frames that begin no frame (ITU T.81, table B.1)
START_OF_SCAN, END_OF_IMAGE = 0xDA, b"\xff\xd9"
PUBLIC_IPV6 = ipaddress.ip_network("2000::/3")
NO_HOSTS = (  # public as Python sees them
    ipaddress.ip_network("168.63.129.16/32"),  # tells machines in Azure about themselves
    ipaddress.ip_network("192.0.0.0/24"),  # for protocols (RFC 6890); Oracle's cloud uses one as 168.63.129.16
    ipaddress.ip_network("192.88.99.0/24"),  # relays between IPv4 and IPv6 (RFC 7526)
)
Connect = Callable[[str, int, float], httpcore.NetworkStream]  # IP address, port, seconds
HEADERS = (("Accept", "image/jpeg, image/png"), ("Accept-Encoding", "identity"))
IN_ADDRESS = "/%:@!$&'()*+,;=?"  # characters that stay as they are in an address's path (RFC 3986, 3.3)
MAY_PASS = (408, 425, 429)  # statuses after which the next try may succeed, besides those from 500 on


class BadPicture(Exception):
    """There is no such picture, or it breaks a rule: trying again does not help. Its text says which rule."""


class PictureUnavailable(Exception):
    """The picture cannot be had now; the next run may have it. Its text says why."""


@dataclass(frozen=True)
class Limits:
    """The limits of one reading: seconds from its beginning to its end, and bytes."""

    deadline_s: float = 60
    content_bytes: int = LARGEST_BYTES


def is_address(name: str) -> bool:
    """Whether the name of a picture is an address, of whatever kind."""
    return "://" in name


def check(content: bytes) -> None:
    """Raises BadPicture for what is no whole JPEG or PNG, or is too large. The content decides, and not its name."""
    if len(content) > LARGEST_BYTES:
        raise BadPicture(f"it is larger than {LARGEST_BYTES // 2**20} MB")
    width, height = size(content)
    if width * height > MOST_PIXELS:
        raise BadPicture(f"it has {width} x {height} pixels, more than {MOST_PIXELS // 10**6} million")


def size(content: bytes) -> tuple[int, int]:
    """Width and height of a JPEG or PNG, from its header. Nothing is unpacked.

    Raises: BadPicture for anything else, and for one that is cut off.
    """
    if content.startswith(PNG):
        found = _size_of_png(content)
    elif content.startswith(JPEG):
        found = _size_of_jpeg(content)
    else:
        raise BadPicture("it is neither JPEG nor PNG")
    if not found or not all(found):
        raise BadPicture("it is not a whole picture")
    return found


def _size_of_png(content: bytes) -> tuple[int, int] | None:
    if content[8:16] != PNG_HEADER or PNG_END not in content:
        return None
    width, height = struct.unpack(">II", content[16:24])
    return width, height


def _size_of_jpeg(content: bytes) -> tuple[int, int] | None:
    """The size in the frame's header. A whole picture has its end behind the first scan."""
    found, place = None, 2
    while place + 9 <= len(content) and content[place] == 0xFF:
        marker, length = content[place + 1], int.from_bytes(content[place + 2 : place + 4], "big")
        if marker == 0xFF:  # a byte that fills up
            place += 1
            continue
        if 0xC0 <= marker <= 0xCF and marker not in NO_FRAMES and not found:
            height, width = struct.unpack(">HH", content[place + 5 : place + 9])
            found = width, height
        if marker == START_OF_SCAN:
            return found if END_OF_IMAGE in content[place + 2 + length :] else None
        place += 2 + length
    return None


def resolved(host: str, port: int) -> list[str]:
    """The IP addresses of a host, as the computer resolves its name."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(each[4][0]) for each in found))


def connected(address: str, port: int, seconds: float) -> httpcore.NetworkStream:
    """A connection to an IP address."""
    return httpcore.SyncBackend().connect_tcp(address, port, seconds)


def is_public(address: str) -> bool:
    """Whether an IP address is one of the internet.

    Not public are private, loopback, link-local (with the metadata of clouds), shared, multicast and reserved ones, and
    IPv6 addresses that stand for IPv4 ones.
    """
    try:
        found = ipaddress.ip_address(address)
    except ValueError:  # such as one with a zone, `fe80::1%eth0`
        return False
    if isinstance(found, ipaddress.IPv6Address):
        stands_for_ipv4 = found.sixtofour is not None or found.teredo is not None
        return found in PUBLIC_IPV6 and found.is_global and not stands_for_ipv4
    return found.is_global and not (found.is_multicast or found.is_reserved or any(found in each for each in NO_HOSTS))


class PictureReader:
    """Reads pictures from addresses. It may be used by several threads.

    Args:
        hosts: the hosts that may be asked, each as it stands in an address; with a port unless it is 443.
        resolve, connect, clock: tests give their own.
    """

    def __init__(
        self,
        hosts: Collection[str],
        limits: Limits | None = None,
        resolve: Callable[[str, int], list[str]] = resolved,
        connect: Connect = connected,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.hosts = {host.lower() for host in hosts}
        self.limits, self.resolve, self.connect, self.clock = limits or Limits(), resolve, connect, clock

    @calling()
    def read(self, address: str) -> bytes:
        """The picture at an address; it is whole, a JPEG or PNG, and within the limits.

        Raises: BadPicture, PictureUnavailable.
        """
        ends = self.clock() + self.limits.deadline_s
        parts, port = self._allowed(address)
        line = _Line(self._pinned(parts.hostname or "", port), self.connect, lambda: ends - self.clock())
        content = self._asked(parts, line)
        check(content)
        return content

    def _allowed(self, address: str) -> tuple[SplitResult, int]:
        """The parts and the port of an address that may be asked.

        Its host must stand in the list to the letter: no user before it, no other spelling.
        """
        try:
            parts = urlsplit(address)
            port = parts.port or 443
        except ValueError:
            raise BadPicture("its address cannot be read") from None
        if parts.scheme != "https":
            raise BadPicture("its address does not begin with https://")
        if parts.netloc.lower() not in self.hosts:
            raise BadPicture("its host is not one of `products.picture_hosts`")
        return parts, port

    def _pinned(self, host: str, port: int) -> str:
        """The one IP address that is connected to. A host that has any address outside the internet is not asked."""
        try:
            found = self.resolve(host, port)
        except (OSError, UnicodeError):
            raise PictureUnavailable("the name of its host cannot be resolved") from None
        if not found or not all(map(is_public, found)):
            raise BadPicture("its host is no computer of the internet")
        return found[0]

    def _asked(self, parts: SplitResult, line: "_Line") -> bytes:
        """The body of the answer. No redirect is followed, and no credentials are sent."""
        query = f"?{quote(parts.query, IN_ADDRESS)}" if parts.query else ""
        url = f"https://{parts.netloc}{quote(parts.path, IN_ADDRESS) or '/'}{query}"
        try:
            with (
                httpcore.ConnectionPool(authorities(), network_backend=line) as pool,
                pool.stream("GET", url, headers=[("Host", parts.netloc), *HEADERS]) as answer,
            ):
                _check_status(answer.status)
                return self._content(answer)
        except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.RemoteProtocolError) as error:
            raise PictureUnavailable(f"its host does not give it ({type(error).__name__})") from None

    def _content(self, answer: httpcore.Response) -> bytes:
        """The body as it was sent: a packed one is not unpacked, and is no picture then."""
        content = bytearray()
        for chunk in answer.iter_stream():
            content += chunk
            if len(content) > self.limits.content_bytes:
                raise BadPicture(f"it is larger than {self.limits.content_bytes // 2**20} MB")
        return bytes(content)


class _Line(httpcore.NetworkBackend):
    """Connects to one IP address, whatever a host's name means by now.

    Args:
        left: gives the seconds that are left of the deadline.
    """

    def __init__(self, address: str, connect: Connect, left: Left) -> None:
        self.address, self.connect, self.left = address, connect, left

    def connect_tcp(self, host: str, port: int, *_: Any, **__: Any) -> httpcore.NetworkStream:
        return Timed(self.connect(self.address, port, seconds(self.left)), self.left)


def _check_status(status: int) -> None:
    if 300 <= status < 400:
        raise BadPicture(f"its host sends to another address (status {status})")
    if status in MAY_PASS or status >= 500:
        raise PictureUnavailable(f"its host answers {status}")
    if status != 200:
        raise BadPicture(f"its host does not have it (status {status})")
