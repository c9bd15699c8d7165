"""The key of the installation: what is kept of a person, such as a hash of a telephone number, is made with it.

Here belongs: the file of the key, and the keyed hash (HMAC, RFC 2104) in Python and in SQL. Whoever has a database
without this file cannot find a value by trying out all that there are.
"""

import hashlib
import hmac
import os
import secrets
import threading
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from ...errors import StoreDamaged
from ..sql import literal

KEY_FILE = "hash.key"
SHORTEST = 32  # characters
BLOCK = 64  # bytes of a block of SHA-256 (FIPS 180-4)


def key_in(folder: Path) -> str:
    """The key of the connection whose folder this is, as text.

    It is made, readable by its owner only, when it is first asked for.
    Raises: OSError when it can be neither read nor made; StoreDamaged when the file holds no key.
    """
    path = folder / KEY_FILE
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if folder.stat().st_mode & 0o077:  # somebody made it before: all that a connection keeps is its owner's alone
        folder.chmod(0o700)
    if not path.exists():
        _make(path)
    key = path.read_text()
    if len(key) < SHORTEST:
        raise StoreDamaged(path, "it holds no key")
    return key


def _make(path: Path) -> None:
    """Makes the file whole or not at all: of two processes, one makes it, and no other one reads half of it."""
    whole = path.with_name(f"{KEY_FILE}.{os.getpid()}-{threading.get_ident()}")
    try:
        with os.fdopen(os.open(whole, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(secrets.token_hex(32))
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(whole, path)
    finally:
        whole.unlink(missing_ok=True)


def keyed(key: str, text: str) -> str:
    """The HMAC-SHA256 of a text with a key, as 64 hexadecimal digits."""
    return hmac.new(key.encode(), text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()


@lru_cache(maxsize=8)
def keyed_sql(key: str, text: str) -> str:
    """SQL of the same, of a text that is given as SQL. DuckDB has SHA-256 only, so HMAC is written out."""
    inner, outer = (_pad(key, byte) for byte in (0x36, 0x5C))  # RFC 2104, section 2
    return f"sha256({outer} || unhex(sha256({inner} || encode({text}))))"


def _pad(key: str, byte: int) -> str:
    whole = key.encode() if len(key) <= BLOCK else hashlib.sha256(key.encode()).digest()
    return f"unhex({literal(bytes(each ^ byte for each in whole.ljust(BLOCK, bytes(1))).hex())})"
