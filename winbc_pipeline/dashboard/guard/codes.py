"""The second factor of a log-in: a code of an authenticator app, which changes every 30 seconds (TOTP, RFC 6238).

Each role has a secret of its own, which is never part of an address: who got hold of a start address has no code.
"""

import base64
import hashlib
import hmac
import json
import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import quote

from .access import ROLES, Role, kept_for_owner
from .limiter import Limiter

FILE = "dashboard_codes.json"  # in the connection's folder
STEP_S, DIGITS = 30, 6
SECRET_BYTES = 20  # RFC 4226, section 4: 160 bits
WRONG_WITHIN = timedelta(hours=1)  # ten wrong codes in it: at that pace, a million codes take eleven years


def code_of(secret: bytes, step: int) -> str:
    """The code of one step of 30 seconds (RFC 4226, section 5.3, with SHA-1 as all apps have it).

    Args:
        step: how many steps have passed since 1970 (RFC 6238, section 4).
    """
    digest = hmac.new(secret, step.to_bytes(8, "big"), hashlib.sha1).digest()
    offset = digest[-1] & 0xF
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFFFFFF
    return str(number % 10**DIGITS).zfill(DIGITS)


@dataclass
class Codes:
    """The secrets of a connection's roles, and which codes were used.

    Attributes:
        path: the file that keeps both.
        secrets: of each role, in base 32, as apps take them.
        used: the step of the last code that let somebody in.
        limiters: of each role; all who give codes of a role count together.
    """

    path: Path
    secrets: Mapping[Role, str]
    used: dict[Role, int]
    limiters: dict[Role, Limiter] = field(default_factory=lambda: {role: Limiter(WRONG_WITHIN) for role in ROLES})
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, role: Role, code: str, now: datetime) -> bool:
        """Whether this is the role's code of this moment. Each code lets in once.

        Raises: NotWritable when it cannot be kept that it was used.
        """
        step = int(now.timestamp()) // STEP_S
        right = code_of(base64.b32decode(self.secrets[role]), step)
        with self._lock:
            if step <= self.used.get(role, 0) or not hmac.compare_digest(code.encode(), right.encode()):
                self.limiters[role].count(now)
                return False
            used = self.used | {role: step}
            _keep(self.path, self.secrets, used)
            self.used = used
        return True

    def address(self, role: Role, connection: str) -> str:
        """What an authenticator app takes: it holds the role's secret."""
        label = quote(f"winbc:{connection} ({role})")
        return f"otpauth://totp/{label}?secret={self.secrets[role]}&issuer=winbc"


def codes_of(folder: Path) -> Codes:
    """The secrets of a connection's folder; new ones where it has none, or where the file cannot be understood.

    Raises: NotWritable when new ones cannot be kept.
    """
    path = folder / FILE
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        known: dict[Role, str] = {role: str(kept["secrets"][role]) for role in ROLES}
        used: dict[Role, int] = {role: int(kept["used"].get(role, 0)) for role in ROLES}
        if min(len(base64.b32decode(each)) for each in known.values()) >= SECRET_BYTES:
            return Codes(path, known, used)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        pass
    made: dict[Role, str] = {role: base64.b32encode(secrets.token_bytes(SECRET_BYTES)).decode() for role in ROLES}
    _keep(path, made, {})
    return Codes(path, made, {})


def _keep(path: Path, known: Mapping[Role, str], used: Mapping[Role, int]) -> None:
    kept_for_owner(path, json.dumps({"secrets": known, "used": used}))
