"""What the companion app in Business Central can do for this application: its version, its entity sets, our rights.

Nothing needs the app. Without it, with another version or without a right, everything works as API v2.0 allows, and
what is missing has a name. The contract that the app keeps: facts/companion_app.json.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Literal
from weakref import WeakKeyDictionary

from ...errors import AuthenticationFailed, ConfigurationError
from ...settings import Settings
from .client import BusinessCentral

State = Literal["there", "absent", "not permitted", "switched off"]
PERMISSION_SET = "WINS Api"
READ_SET = "WINS Read"
ABSENT = "the companion app is not installed; docs/companion-app.md says what it gives"


@dataclass(frozen=True)
class EntitySet:
    """An entity set of the contract: what it gives, since which version of the app, and whether it is written."""

    name: str
    gives: str
    since: str
    is_written: bool


@dataclass(frozen=True)
class Capabilities:
    """What the app offers here.

    Attributes:
        version: of the app; empty when it is absent.
        readable, writable: the entity sets of the contract that this application may read, and write.
        gaps: in words, each thing that is missing and why, with what to do about it.
    """

    state: State
    version: str = ""
    readable: frozenset[str] = frozenset()
    writable: frozenset[str] = frozenset()
    gaps: tuple[str, ...] = ()

    def can(self, entity_set: str, write: bool = False) -> bool:
        """Whether an entity set may be used. Nothing is written in a copied environment."""
        if write:
            return self.state == "there" and entity_set in self.writable
        return entity_set in self.readable

    def is_of(self, version: str) -> bool:
        """Whether the app is of a version, or a later one."""
        return _numbers(self.version) >= _numbers(version)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())


@cache
def contract() -> dict[str, Any]:
    """The contract that the app keeps, as it stands in the file."""
    text = resources.files("winbc_pipeline.facts").joinpath("companion_app.json").read_text(encoding="utf-8")
    return json.loads(text)  # type: ignore[no-any-return]


def entity_sets() -> dict[str, EntitySet]:
    """The entity sets of the contract by name."""
    return {
        name: EntitySet(name, one["gives"], one["since"], bool(one.get("verbs") or one.get("actions")))
        for name, one in contract()["entities"].items()
    }


def is_of_app(path: str) -> bool:
    """Whether a path, relative to the company, is one of the app's API."""
    return path.partition("(")[0] in contract()["entities"]


def app_client(settings: Settings, company: str = "") -> BusinessCentral:
    """A client of the app's API. It lists the same companies as API v2.0.

    Args:
        company: `companies({id})`, when it is known already.
    """
    api = contract()["api"]
    root = settings.bc.base_url.rstrip("/").removesuffix("/v2.0").removesuffix("/v1.0")
    base_url = f"{root}/{api['publisher']}/{api['group']}/{api['version']}"
    bc = settings.bc.model_copy(update={"base_url": base_url})
    return BusinessCentral(settings.model_copy(update={"bc": bc}), root=company)


@dataclass(frozen=True)
class Companion:
    """The companion app beside API v2.0: a client of its API, and what it offers."""

    client: BusinessCentral
    offers: Capabilities


_companions: WeakKeyDictionary[BusinessCentral, Companion] = WeakKeyDictionary()


def companion_of(target: BusinessCentral, settings: Settings) -> Companion | None:
    """The app beside a client of API v2.0, which closes it; None when the settings leave it out.

    It is asked once for each client what it offers. Raises WinbcError when Business Central does not answer.
    """
    if settings.bc.companion_app == "off":
        return None
    if target not in _companions:
        client = app_client(settings, target.root)
        target.closing.callback(client.close)
        _companions[target] = Companion(client, capabilities(client))
    return _companions[target]


def capabilities(app: BusinessCentral) -> Capabilities:
    """Asks the app what it has. Raises WinbcError when Business Central does not answer.

    Args:
        app: a client of the app's API.
    """
    try:
        answer = app.transport.call("GET", f"{app.root}/capabilities", headers={"Data-Access-Intent": "ReadWrite"})
    except AuthenticationFailed:
        gap = (
            f"the companion app may be there, but this application may not ask it: assign the permission set {READ_SET}"
        )
        return Capabilities("not permitted", gaps=(gap,))
    except ConfigurationError:  # there is no API at this address, or it does not have this company
        return Capabilities("absent", gaps=(ABSENT,))
    if answer.status != 200:
        return Capabilities("absent", gaps=(ABSENT,))
    return _negotiated(answer.json()["value"])


def _negotiated(rows: list[dict[str, Any]]) -> Capabilities:
    """What follows from the rows that the app gave, one for each entity set that it has."""
    offered = {str(row["entitySetName"]): row for row in rows}
    version = str(rows[0]["appVersion"]) if rows else ""
    known = entity_sets()
    readable = frozenset(name for name in known if name in offered and offered[name]["canRead"])
    writable = frozenset(name for name in known if name in offered and offered[name]["canWrite"])
    # The variant for version 14 has no switch.
    is_off = any(row.get("syncEnabled") is False for row in rows)
    gaps = (*_off(is_off), *_gaps(version, known, offered, readable, writable))
    return Capabilities("switched off" if is_off else "there", version, readable, writable, gaps)


def _off(is_off: bool) -> Iterator[str]:
    if is_off:
        yield (
            "synchronization is switched off on the page Winstore Setup, as it is in a copied environment: "
            "the app takes no order requests and posts no adjustments"
        )


def _gaps(
    version: str,
    known: dict[str, EntitySet],
    offered: dict[str, dict[str, Any]],
    readable: frozenset[str],
    writable: frozenset[str],
) -> Iterator[str]:
    newer = sorted(set(offered) - set(known))
    if newer:
        yield f"version {version} of the companion app also has {', '.join(newer)}, which this winbc does not use"
    for name, one in known.items():
        if name not in offered:
            lacking = f"version {version} of the companion app has no {name} (since {one.since})"
            yield f"{lacking}, so it does not give {one.gives}"
        elif name not in readable:
            yield f"no right to read {name}, so the app does not give {one.gives}: assign {READ_SET}"
        elif one.is_written and name not in writable:
            yield f"no right to write {name} ({one.gives}): assign {PERMISSION_SET}"
