"""Every setting with its value and where that comes from, for people to read. No secret is shown."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from pydantic import BaseModel, SecretStr

from ...settings import SECRETS, Settings, source_of


@dataclass(frozen=True)
class Told:
    """One setting.

    Attributes:
        name: as docs/settings.md has it, such as `orders.document`.
        value: in words; empty for one that is not set.
        source: `default`, `winbc.toml`, `.env`, `environment` or `keyring`.
        is_secret: whether its value is not shown; `is_set` says whether it has one.
    """

    name: str
    value: str
    source: str
    is_secret: bool
    is_set: bool

    @property
    def section(self) -> str:
        return self.name.rpartition(".")[0]


def settings_told(settings: Settings) -> list[Told]:
    """All settings of a connection, in the order of their declaration."""
    return list(_told(settings, ()))


def _told(model: BaseModel, place: tuple[str, ...]) -> Iterator[Told]:
    for name in type(model).model_fields:
        value, here = getattr(model, name), (*place, name)
        if isinstance(value, BaseModel):
            yield from _told(value, here)
        elif isinstance(value, dict) and any(isinstance(each, BaseModel) for each in value.values()):
            for key, each in value.items():
                yield from _told(each, (*here, key))
        else:
            is_secret = name in SECRETS or isinstance(value, SecretStr)
            shown = "" if is_secret else _written(value)
            yield Told(".".join(here), shown, source_of(here), is_secret, _is_set(value))


def _is_set(value: Any) -> bool:
    if isinstance(value, SecretStr):
        return bool(value.get_secret_value())
    return value not in (None, "", (), {}, [])


def _written(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (tuple, list)):
        return ", ".join(map(_written, value))
    if isinstance(value, dict):
        return ", ".join(f"{name}: {_written(each)}" for name, each in value.items())
    return _without_password(str(value))


def _without_password(text: str) -> str:
    """An address without the user and the password that it may hold."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return text
    if "://" not in text or "@" not in parts.netloc:
        return text
    return urlunsplit(parts._replace(netloc=f"…@{parts.netloc.rpartition('@')[2]}"))
