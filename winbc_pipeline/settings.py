"""Typed settings: winbc.toml, then the environment. The only reader of the environment.

Here belongs: every setting, its type, default and unit. Explained for people in docs/settings.md.
Secrets come from the environment or a `.env` file only; one in winbc.toml is refused.
"""

import os
import tomllib
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

from dotenv import dotenv_values
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    SecretStr,
    ValidationError,
)
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
    page_size: int = Field(default=5000, ge=1, le=20_000)
    in_flight: PositiveInt = 5
    batch_size: int = Field(default=100, ge=1, le=100)
    requests_per_window: PositiveInt = 6000
    batch_counts_as: Literal["one", "operations"] = "one"


class WinstoreSettings(_Section):
    """Where Winstore is and how to get in; `profile` is your own profile file (default: the shipped one), `time_zone`
    the one in which it tells the dates of orders."""

    base_url: str = ""
    user: str = ""
    password: SecretStr = SecretStr("")
    profile: Path | None = None
    time_zone: ZoneInfo = ZoneInfo("Europe/Amsterdam")


class ProductSettings(_Section):
    new_items: Literal["open", "blocked"] = "open"


class OrderSettings(_Section):
    """Which of Winstore's orders become which document of Business Central, for whom, and what of those that are there.

    Statuses and payment methods are Winstore's words, compared without regard to case.
    """

    document: Literal["order", "invoice", "invoice_when_completed"] = "order"
    statuses: tuple[str, ...] = ()
    completed_statuses: tuple[str, ...] = ("completed",)
    paid_statuses: tuple[str, ...] = ("paid", "processing", "shipped", "completed")
    cancelled_statuses: tuple[str, ...] = ("cancelled",)
    refunded_statuses: tuple[str, ...] = ("refunded",)
    payment_rules: dict[str, Literal["always", "never", "when_paid"]] = {}
    give_up_after_days: PositiveInt | None = None
    on_existing: Literal["error", "warn", "skip"] = "warn"
    on_change: Literal["hold", "apply"] = "hold"
    on_cancel: Literal["hold", "apply"] = "hold"
    credit_memo: bool = False
    customers: Literal["create", "create_and_update", "never"] = "create"
    default_customer: str = ""
    force_default_customer: bool = False
    default_customers_by_country: dict[str, str] = {}
    on_total: Literal["fail", "warn"] = "fail"
    total_tolerance: Decimal = Field(default=Decimal("0.05"), ge=0)
    rounding_account: str = ""
    rounding_tax_code: str = ""
    write_back: bool = False
    batch_size: int = Field(default=20, ge=1, le=100)
    stop_after: NonNegativeInt = 20


class OrdersToWinstoreSettings(_Section):
    """Which documents of Business Central go to Winstore as orders, and how a lost answer is cleared up."""

    documents: Literal["orders", "invoices", "both"] = "orders"
    statuses: tuple[str, ...] = ("Open", "Paid")
    reference_prefix: str = Field(default="WS-", pattern=r"^[A-Z0-9-]+$")
    look_up: Literal["none", "GetOrderChangesByDate"] = "none"


class OrderStatusSettings(_Section):
    missing: Literal["ignore", "cancelled"] = "ignore"


class Settings(BaseSettings):
    """All settings of one connection."""

    model_config = SettingsConfigDict(
        env_prefix="WINBC_",
        env_nested_delimiter="__",
        env_file=".env",
        toml_file="winbc.toml",
        extra="ignore",  # a .env may hold what others read, such as DAGSTER_HOME; ours is checked in load_settings
        frozen=True,
    )

    connection: str = Field(default="default", pattern=r"^[\w-]+$")
    data_folder: Path = Path(".winbc")
    mapping_folder: Path = Path("mapping_tables")
    mapping_functions: Path | None = None
    history_start: date = date(2024, 1, 1)
    window: Literal["day", "week", "month"] = "day"
    sensors: bool = False
    schedules: bool = False
    sweep_cron: str = "0 * * * *"
    overlap_minutes: NonNegativeInt = 10
    run_history_days: PositiveInt = 30
    timeout_s: PositiveFloat = 60
    answer_limit_mb: PositiveInt = 256
    memory_limit_mb: int = Field(default=256, ge=64)
    quarantine_minutes: NonNegativeInt = 20
    payload_days: PositiveInt = 7
    bc: BusinessCentralSettings = BusinessCentralSettings()
    winstore: WinstoreSettings = WinstoreSettings()
    products: ProductSettings = ProductSettings()
    orders: OrderSettings = OrderSettings()
    orders_to_winstore: OrdersToWinstoreSettings = OrdersToWinstoreSettings()
    order_status: OrderStatusSettings = OrderStatusSettings()

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
        """The DuckDB file that holds everything of one flow in one direction; `flow` is its id."""
        return self.data_folder / self.connection / f"{flow}.duckdb"


def load_settings(**given: Any) -> Settings:
    """Settings of the present folder; raises ConfigurationError naming source, key and what was expected."""
    _check_toml(Path("winbc.toml"))
    _check_names("the environment", os.environ)
    _check_names(".env", dotenv_values(".env"))
    try:
        return Settings(**given)
    except ValidationError as error:
        problems = "; ".join(_problem(e["loc"], e["msg"]) for e in error.errors(include_input=False))
        raise ConfigurationError(f"{problems}.", "See docs/settings.md.") from None


def _problem(place: tuple[int | str, ...], expected: str) -> str:
    """Where a wrong value stands, and what was expected there."""
    name = ".".join(map(str, place))
    variable = "WINBC_" + "__".join(str(part).upper() for part in place)
    where = variable if variable in os.environ else f"{variable} in .env" if variable in dotenv_values(".env") else ""
    return f"{where or f'winbc.toml: {name}'}: {expected}"


def _check_names(where: str, variables: Mapping[str, str | None]) -> None:
    """Refuses variables that begin like ours and are none: a slip of the pen would be ignored."""
    known = {f"WINBC_{name}".upper() for name in Settings.model_fields}
    for variable in variables:
        if variable.startswith("WINBC_") and variable.partition("__")[0] not in known:
            raise ConfigurationError(f"{where}: {variable} is not a setting.", "See docs/settings.md.")


def _check_toml(path: Path) -> None:
    if not path.exists():
        return
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: {error}.", "It is a TOML file in UTF-8.") from None
    for key in set(content) - set(Settings.model_fields):
        raise ConfigurationError(f"{path}: {key} is not a setting.", "See docs/settings.md.")
    for section, values in content.items():
        for key in SECRETS & set(values if isinstance(values, dict) else ()):
            hint = f"Set WINBC_{section.upper()}__{key.upper()} in the environment or in .env, and delete it here."
            raise ConfigurationError(f"{path}: {section}.{key} is a secret.", hint)
