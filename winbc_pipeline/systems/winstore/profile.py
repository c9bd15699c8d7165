"""The profile: how each entity of Winstore is read, and how each kind of record is written."""

import tomllib
from collections.abc import Mapping
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ...errors import ConfigurationError
from ..facts import FieldFacts

FieldType = Literal["text", "decimal", "boolean", "date", "datetime"]


class CallProfile(BaseModel):
    """One call: its name, and whether a public client shows it or it is our assumption."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    call: str
    known: Literal["verified", "assumed"]


class GroupProfile(BaseModel):
    """How records inside a record become columns: the fields of the first one of each kind, such as `invoice_city`.

    Attributes:
        by: the field that says the kind. Its value begins the columns' names.
        first: the boolean field that says which one of a kind comes first; otherwise it is the first in the answer.
        count: the column for the number of records inside.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    by: str
    first: str
    count: str


class EntityProfile(CallProfile):
    """How one entity is read. The shipped profile.toml explains the names.

    `inner` renames fields of the records in `explode`, where the record around them has a field of that name.
    `limit` names the parameter of chunks (chunks.py), and `after` the one that takes the last record that came before.
    Without `limit`, `page` and `page_size` name the parameters of paging. Without these, one call gives all records.
    `optional` counts in the shipped profile alone (see abilities.left_out).
    """

    since: str
    always: dict[str, str] = {}
    accept: Literal["application/json", "application/xml"] = "application/xml"
    records: str
    key: tuple[str, ...]
    modified: str
    explode: str | None = None
    inner: dict[str, str] = {}
    count: str | None = None
    parent_key: str | None = None
    identity: tuple[str, ...] = ()
    groups: dict[str, GroupProfile] = {}
    limit: str | None = None
    after: str | None = None
    records_per_chunk: int = Field(1000, ge=1)
    page: str | None = None
    page_size: str | None = None
    records_per_page: int = 1000
    optional: tuple[str, ...] = ()
    fields: dict[str, FieldType]

    def position(self, row: Mapping[str, Any]) -> str:
        """Where a record stands in the order of a read: its modification moment and its key, as `after` takes them."""
        key = (self.parent_key,) if self.explode and self.parent_key else self.key
        return ",".join((str(row.get(self.modified)), "/".join(str(row.get(name)) for name in key)))


class FindProfile(CallProfile):
    """How records of an entity are looked up: `by` names the parameter of each field that can be asked for."""

    accept: Literal["application/json", "application/xml"] = "application/xml"
    records: str
    by: dict[str, str]


class AnsweredProfile(CallProfile):
    """A call that writes: where its answer says what became of the record.

    `id` and `modified` say where the answer has the record's key and its moment; empty where it has none.
    """

    code: str = "result.statuscode"
    message: str = "result.message"
    taken: tuple[str, ...] = ("200",)
    id: str = ""
    modified: str = ""


class PictureWriteProfile(AnsweredProfile):
    """How the picture of a record is written, as bytes: `by` is the parameter that takes the record's key."""

    by: str


class PictureProfile(CallProfile):
    """How the picture of a record is read: `by` is the parameter that takes the record's key."""

    by: str
    write: PictureWriteProfile | None = None


class WriteProfile(AnsweredProfile):
    """How one kind of record is written: the call and its fields."""

    root: str
    fields: dict[str, FieldType] = {}
    lines: dict[str, FieldType] = {}
    lines_in: str = "positions.position"


class Profile(BaseModel):
    """A whole profile file. `contract` is the version of docs/winstore-contract.md that it follows."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    contract: Literal[1, 2]
    reads: dict[str, EntityProfile]
    finds: dict[str, FindProfile] = {}
    pictures: dict[str, PictureProfile] = {}
    writes: dict[str, WriteProfile]

    @property
    def calls(self) -> tuple[CallProfile, ...]:
        """All calls of the file. One call may be there several times, for several entities."""
        pictures = self.pictures.values()
        written = [each.write for each in pictures if each.write]
        return (*self.reads.values(), *self.finds.values(), *pictures, *written, *self.writes.values())

    def entity(self, name: str) -> EntityProfile:
        """How an entity is read; raises ConfigurationError when the profile does not say it."""
        if name not in self.reads:
            raise ConfigurationError(f"The Winstore profile has no reads.{name}.", "Copy it from the shipped profile.")
        return self.reads[name]

    def can_find(self, entity: str, field: str) -> bool:
        """Whether records can be looked up by a field."""
        return entity in self.finds and field in self.finds[entity].by

    def find(self, entity: str, field: str) -> FindProfile:
        """How records are looked up; raises ConfigurationError when the profile does not say it for the field."""
        if not self.can_find(entity, field):
            words = f"The Winstore profile has no finds.{entity} by {field}."
            raise ConfigurationError(words, "Copy it from the shipped profile, if your Winstore has such a call.")
        return self.finds[entity]

    def write(self, name: str) -> WriteProfile:
        """How a kind of record is written; raises ConfigurationError when the profile does not say it."""
        if name not in self.writes:
            raise ConfigurationError(f"The Winstore profile has no writes.{name}.", "Copy it from the shipped profile.")
        return self.writes[name]

    def written(self, name: str) -> dict[str, FieldFacts]:
        """The fields of a write, or those of its lines with `.lines` behind the name, as in `orders.lines`.

        Raises: ConfigurationError when the profile has no such write.
        """
        write, _, lines = name.partition(".")
        fields = self.write(write).lines if lines else self.write(write).fields
        return {field: FieldFacts(field, kind) for field, kind in fields.items()}


def load_profile(path: Path | None) -> Profile:
    """The user's profile, or the shipped one for None; raises ConfigurationError that names file and key."""
    name = str(path) if path else "the shipped profile"
    try:
        if path:
            text = path.read_text(encoding="utf-8")
        else:
            text = resources.files("winbc_pipeline.systems.winstore").joinpath("profile.toml").read_text("utf-8")
        return _parsed(text)
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_input=False))
        raise ConfigurationError(f"{name}: {problems}.", "Check winstore.profile.") from None
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"{name} cannot be read: {error}.", "Check winstore.profile.") from None


@lru_cache(maxsize=4)
def _parsed(text: str) -> Profile:
    return Profile.model_validate(tomllib.loads(text))
