"""What every section of the settings is."""

from pydantic import (
    BaseModel,
    ConfigDict,
)


class Section(BaseModel):
    """Settings of one table of winbc.toml; a name that is not known is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)
