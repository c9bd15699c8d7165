"""The tokens of a connection: one for each role, in a file that only this user of the machine can read.

A start keeps the tokens of the start before, so a restart ends no session. Deleting the file ends all of them.
"""

import hashlib
import hmac
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from ...errors import NotWritable

Role = Literal["view", "operate", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)
"""From the one that may least to the one that may most."""
FILE = "dashboard_tokens.json"  # in the connection's folder


@dataclass(frozen=True)
class Access:
    """Who may come in.

    Attributes:
        tokens: the secret of each role.
        cookie: name of the session's cookie. Browsers keep one set of cookies for all ports of a host, so each
            connection needs a name of its own.
    """

    tokens: dict[Role, str]
    cookie: str

    def role_of(self, token: str) -> Role | None:
        """The role that a token belongs to; None when it is nobody's. Takes the same time for all wrong ones."""
        given = token.encode()
        found = [role for role, known in self.tokens.items() if hmac.compare_digest(given, known.encode())]
        return found[0] if found else None

    def sign(self, role: Role, text: str) -> str:
        """A signature that only who has the role's token can make."""
        return hmac.new(self.tokens[role].encode(), text.encode(), hashlib.sha256).hexdigest()


def access_of(folder: Path) -> Access:
    """The tokens of a connection's folder; new ones where it has none, or where the file cannot be understood.

    Raises: NotWritable when new ones cannot be kept.
    """
    path = folder / FILE
    cookie = f"winbc-{hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:12]}"
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        tokens: dict[Role, str] = {role: str(kept[role]) for role in ROLES}
        if min(map(len, tokens.values())) >= 32 and len(set(tokens.values())) == len(ROLES):
            return Access(tokens, cookie)
    except (OSError, ValueError, KeyError, TypeError):
        pass
    tokens = {role: secrets.token_urlsafe(32) for role in ROLES}
    kept_for_owner(path, json.dumps(tokens))
    return Access(tokens, cookie)


def kept_for_owner(path: Path, text: str) -> None:
    """Writes a file whole or not at all, readable for this user of the machine only. Raises: NotWritable."""
    whole = path.with_suffix(".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        whole.unlink(missing_ok=True)
        with os.fdopen(os.open(whole, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(whole, path)
    except OSError as error:
        raise NotWritable(path, error.strerror or str(error)) from None
