"""Typed settings: winbc.toml, then the environment. The only reader of the environment.

Here belongs: every setting, its type, default and unit. Explained for people in docs/settings.md.
Secrets come from the environment or a `.env` file only; one in winbc.toml is refused.
"""

import tomllib
from datetime import date
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from .errors import ConfigurationError

SECRETS = {"client_secret", "password"}


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class BusinessCentralSettings(_Section):
    """Where Business Central is and how to get in: an Entra application, or user and password on-premises."""

    base_url: str = ""
    authority: str = ""
    company: str = ""
    client_id: str = ""
    client_secret: SecretStr = SecretStr("")
    scope: str = "https://api.businesscentral.dynamics.com/.default"
    user: str = ""
    password: SecretStr = SecretStr("")
    page_size: int = 5000
    in_flight: int = 5
    batch_size: int = 100
    requests_per_window: int = 6000
    batch_counts_as: Literal["one", "operations"] = "one"


class WinstoreSettings(_Section):
    """Where Winstore is and how to get in; `profile` is your own profile file (default: the shipped one)."""

    base_url: str = ""
    user: str = ""
    password: SecretStr = SecretStr("")
    profile: Path | None = None


class ProductSettings(_Section):
    new_items: Literal["open", "blocked"] = "open"


class Settings(BaseSettings):
    """All settings of one connection."""

    model_config = SettingsConfigDict(
        env_prefix="WINBC_",
        env_nested_delimiter="__",
        env_file=".env",
        toml_file="winbc.toml",
        extra="forbid",
        frozen=True,
    )

    connection: str = "default"
    data_folder: Path = Path(".winbc")
    mapping_folder: Path = Path("mapping_tables")
    history_start: date = date(2024, 1, 1)
    sensors: bool = False
    schedules: bool = False
    sweep_cron: str = "0 * * * *"
    overlap_minutes: int = 10
    run_history_days: int = 30
    timeout_s: float = 60
    answer_limit_mb: int = 256
    memory_limit_mb: int = 256
    quarantine_minutes: int = 20
    bc: BusinessCentralSettings = BusinessCentralSettings()
    winstore: WinstoreSettings = WinstoreSettings()
    products: ProductSettings = ProductSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, dotenv_settings, TomlConfigSettingsSource(settings_cls)

    def flow_database(self, flow: str) -> Path:
        """The DuckDB file that holds everything of one flow."""
        return self.data_folder / self.connection / f"{flow}.duckdb"


def load_settings(**given: Any) -> Settings:
    """Settings of the present folder; raises ConfigurationError naming source, key and what was expected."""
    _refuse_secrets_in_toml(Path("winbc.toml"))
    try:
        return Settings(**given)
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_input=False))
        raise ConfigurationError(f"winbc.toml or environment: {problems}.", "See docs/settings.md.") from None


def _refuse_secrets_in_toml(path: Path) -> None:
    if not path.exists():
        return
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{path}: {error}.") from None
    for section, values in content.items():
        for key in SECRETS & set(values if isinstance(values, dict) else ()):
            hint = f"Set WINBC_{section.upper()}__{key.upper()} in the environment or in .env, and delete it here."
            raise ConfigurationError(f"{path}: {section}.{key} is a secret.", hint)
