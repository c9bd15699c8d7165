"""Small whole pictures, as different as a test wants them."""

import struct
import zlib


def png(width: int = 4, height: int = 3, colour: int = 0) -> bytes:
    """A PNG whose header says its size; its one row of pixels has the colour."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress(b"\0" + bytes([colour]) * 4)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", rows) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def jpeg(width: int = 4, height: int = 3, colour: int = 0) -> bytes:
    """A JPEG with the segments that a reader looks for; its scan is one byte, the colour."""
    application = b"\xff\xe0" + struct.pack(">H", 16) + b"JFIF\0" + bytes(9)
    frame = b"\xff\xc0" + struct.pack(">HBHHB", 11, 8, height, width, 1) + b"\x01\x11\x00"
    scan = b"\xff\xda" + struct.pack(">HB", 8, 1) + b"\x01\x00\x00\x3f\x00" + bytes([colour])
    return b"\xff\xd8" + application + frame + scan + b"\xff\xd9"
