"""All settings of one connection."""

import os
import re
from datetime import date
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from dotenv import dotenv_values
from pydantic import (
    AfterValidator,
    Field,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    PrivateAttr,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from .. import secret_sources
from .flows import (
    CustomerSettings,
    FlowSettings,
    GuardSettings,
    OrderSettings,
    OrderStatusSettings,
    OrdersToWinstoreSettings,
    ProductSettings,
    StockSettings,
    Timing,
)
from .running import AuditSettings, DashboardSettings, DatabaseSettings, StateSettings, WorkerSettings
from .section import FOLDER, InFolder
from .systems import BusinessCentralSettings, WinstoreSettings
from .tables import Tables
from .watching import AlertSettings, CheckSettings, LateSettings, ReconcileSettings

SETTINGS, DEFAULTS, CONNECTIONS = "winbc.toml", "defaults.toml", "connections"
SHIPPED_TABLES = Path(str(resources.files("winbc_pipeline.defaults").joinpath("mapping_tables")))


def defaults_of(folder: Path) -> Path:
    """The file with what all connections beside each other share, by the folder of one of them; it may be missing."""
    above = folder.absolute().parent
    return above / DEFAULTS if above.name == CONNECTIONS else Path(os.devnull)


def prefix_of(connection: str) -> str:
    """The name of a connection, as names of Dagster may be: letters, digits and _ only."""
    return re.sub(r"[^A-Za-z0-9_]", "_", connection)


class _OfAll(EnvSettingsSource):
    """The environment of a process that serves several connections, without what `.env` of the working folder gives.

    Dagster has put that into the environment, and it belongs to the connection of that folder alone.
    """

    def __init__(self, settings_cls: type[BaseSettings]) -> None:
        super().__init__(settings_cls)
        above = {name.lower(): value for name, value in dotenv_values(secret_sources.ENV_FILE).items()}
        self.env_vars = {name: value for name, value in self.env_vars.items() if above.get(name.lower()) != value}


class Settings(BaseSettings):
    """All settings of one connection. Units are in the names: `_minutes`, `_days`, `_s` (seconds), `_mb`."""

    model_config = SettingsConfigDict(
        env_prefix="WINBC_",
        env_nested_delimiter="__",
        extra="ignore",  # a .env may hold variables of other programs (DAGSTER_HOME); load_settings checks our names
        frozen=True,
    )

    connection: str = Field(default="default", pattern=r"^[\w-]+$")
    location: NonNegativeInt = 0
    data_folder: InFolder = Field(default=Path(".winbc"), validate_default=True)
    mapping_folder: InFolder = Field(default=Path("mapping_tables"), validate_default=True)
    mapping_base: Annotated[InFolder, AfterValidator(Path.resolve)] | None = None  # all say it alike
    mapping_functions: InFolder | None = None
    history_start: date = date(2024, 1, 1)
    window: Literal["day", "week", "month"] = "day"
    time_zone: ZoneInfo | None = None
    sensors: bool = False
    schedules: bool = False
    safe_mode: bool = False
    keyring: bool = False
    sensor_seconds: PositiveInt = 1
    sweep_cron: str = "0 * * * *"
    overlap_minutes: NonNegativeInt = 10
    run_history_days: PositiveInt = 30
    timeout_s: PositiveFloat = 60
    ca_bundle: InFolder | None = None
    answer_limit_mb: PositiveInt = 100
    memory_limit_mb: int = Field(default=256, ge=64)
    quarantine_minutes: NonNegativeInt = 20  # a call may still run 16 minutes after it was given up (exactly_once.md)
    payload_days: PositiveInt = 7
    order_days: PositiveInt = 30
    event_days: PositiveInt = 90
    bc: BusinessCentralSettings = BusinessCentralSettings()
    winstore: WinstoreSettings = WinstoreSettings()
    customers: CustomerSettings = CustomerSettings()
    products: ProductSettings = ProductSettings()
    orders: OrderSettings = OrderSettings()
    orders_to_winstore: OrdersToWinstoreSettings = OrdersToWinstoreSettings()
    order_status: OrderStatusSettings = OrderStatusSettings()
    stock: StockSettings = StockSettings()
    guards: GuardSettings = GuardSettings()
    late: LateSettings = LateSettings()
    alerts: AlertSettings = AlertSettings()
    checks: CheckSettings = CheckSettings()
    reconcile: ReconcileSettings = ReconcileSettings()
    dashboard: DashboardSettings = DashboardSettings()
    audit: AuditSettings = AuditSettings()
    databases: DatabaseSettings = DatabaseSettings()
    state: StateSettings = StateSettings()
    workers: WorkerSettings = WorkerSettings()
    flows: dict[str, FlowSettings] = {}
    _folder: Path = PrivateAttr(default_factory=lambda: FOLDER.get())

    @model_validator(mode="after")
    def _databases_have_their_key(self) -> Self:
        """Tells who opens databases (staging/people/encryption.py) the key of this connection's."""
        given = secret_sources.DatabaseKey(self.databases.encrypted, self.databases.encryption_key)
        secret_sources.set_database_key(self.state_folder, given)
        return self

    @model_validator(mode="after")
    def _base_is_another_folder(self) -> Self:
        """Refuses a mapping folder that builds on itself: to give up a table of its own would delete it."""
        if self.mapping_base and self.mapping_base == self.mapping_folder.resolve():
            raise ValueError("mapping_base is the mapping folder itself: name the folder that connections share")
        return self

    @model_validator(mode="after")
    def _workers_share_their_state(self) -> Self:
        """Refuses workers whose state would be in files, which one machine has."""
        if self.workers.broker and not self.state.database:
            raise ValueError("workers.broker needs state.database: workers share no files of state")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The sources of settings, the strongest first: arguments, environment, .env, winbc.toml, what all connections
        of a folder share, the keyring.

        The environment of a process that serves several connections is not one connection's: what each says goes first.
        """
        folder = FOLDER.get()
        own: tuple[PydanticBaseSettingsSource, ...] = (
            DotEnvSettingsSource(settings_cls, env_file=folder / secret_sources.ENV_FILE),
            TomlConfigSettingsSource(settings_cls, folder / SETTINGS),
        )
        named = (*own, _OfAll(settings_cls)) if folder != Path() else (env_settings, *own)
        shared = TomlConfigSettingsSource(settings_cls, defaults_of(folder))
        return (init_settings, *named, shared, secret_sources.KeyringSource(settings_cls))

    @property
    def folder(self) -> Path:
        """The folder of this connection: the working folder, or the one from which it was loaded beside others."""
        return self._folder

    @property
    def prefix(self) -> str:
        """What begins the names of this connection in Dagster; empty where its code location serves it alone."""
        return prefix_of(self.connection) if self.folder != Path() else ""

    @property
    def tables(self) -> Tables:
        """The mapping tables that serve: those of `mapping_folder` and, for what it lacks, of `mapping_base`; or the
        shipped ones, when nobody made a folder and none is named.

        A folder that the settings name is never replaced by another one: its name may be a slip.
        """
        if self.mapping_folder.exists():
            return Tables(self.mapping_folder, self.mapping_base)
        if "mapping_folder" in self.model_fields_set:
            return Tables(self.mapping_folder)
        return Tables(self.mapping_folder, self.mapping_base) if self.mapping_base else Tables(SHIPPED_TABLES)

    @property
    def state_folder(self) -> Path:
        """The folder of all that this connection keeps."""
        return self.data_folder / self.connection

    def flow_database(self, flow: str) -> Path:
        """The DuckDB file of one flow in one direction, by the id of the flow."""
        return self.state_folder / f"{flow}.duckdb"

    def in_safe_mode(self, flow: str) -> bool:
        """Whether a flow, by its id, writes only what a person has approved until that person lets it go."""
        own = self.flows.get(flow, FlowSettings()).safe_mode
        return self.safe_mode if own is None else own

    def timing(self, flow: str) -> Timing:
        """When a flow runs, by its id: what `[flows.<id>]` says, and for the rest what the settings say for all."""
        own = self.flows.get(flow, FlowSettings())
        return Timing(
            sensor_seconds=own.sensor_seconds or self.sensor_seconds,
            cron=self.sweep_cron if own.cron is None else own.cron,
            sensors=self.sensors if own.sensors is None else own.sensors,
            schedules=self.schedules if own.schedules is None else own.schedules,
        )
