"""What every section of the settings is, and from which folder its paths count."""

from contextvars import ContextVar
from pathlib import Path
from typing import Annotated

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    PrivateAttr,
)

FOLDER: ContextVar[Path] = ContextVar("folder of the connection", default=Path())
"""The folder whose settings are loaded just now: the working folder, or that of one of several connections."""


def _placed(path: Path) -> Path:
    return FOLDER.get() / path


InFolder = Annotated[Path, AfterValidator(_placed)]
"""A path that counts from the folder of the connection."""


class Section(BaseModel):
    """Settings of one table of winbc.toml; a name that is not known is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    _folder: Path = PrivateAttr(default_factory=lambda: FOLDER.get())

    @property
    def folder(self) -> Path:
        """The folder of the connection that these settings are of."""
        return self._folder
