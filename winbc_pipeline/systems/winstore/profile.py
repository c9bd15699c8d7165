"""The profile: per entity the call, its parameters, format, record path, key, modified field and page rule."""

import tomllib
from importlib import resources
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from ...errors import ConfigurationError

FieldType = Literal["text", "decimal", "boolean", "datetime"]


class EntityProfile(BaseModel):
    """How one entity is read; explained in the shipped profile.toml."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    call: str
    known: Literal["verified", "assumed"]
    since: str
    accept: Literal["application/json", "application/xml"] = "application/xml"
    records: str
    key: str
    modified: str
    explode: str | None = None
    count: str | None = None
    page: str | None = None
    page_size: str | None = None
    records_per_page: int = 1000
    fields: dict[str, FieldType]


class Profile(BaseModel):
    """A whole profile file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    contract: int
    articles: EntityProfile
    customers: EntityProfile

    def entity(self, name: str) -> EntityProfile:
        found: EntityProfile = getattr(self, name)
        return found


def load_profile(path: Path | None) -> Profile:
    """The user's profile, or the shipped one; raises ConfigurationError naming file and key."""
    name = str(path) if path else "the shipped profile"
    try:
        if path:
            text = path.read_text(encoding="utf-8")
        else:
            text = resources.files("winbc_pipeline.systems.winstore").joinpath("profile.toml").read_text("utf-8")
        return Profile.model_validate(tomllib.loads(text))
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_input=False))
        raise ConfigurationError(f"{name}: {problems}.") from None
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"{name} cannot be read: {error}.", "Check winstore.profile.") from None
