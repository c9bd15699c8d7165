"""Typed settings: winbc.toml, then the environment. The only reader of the environment.

Here belongs: every setting, its type, default and unit. docs/settings.md explains them for people.
Secrets come from the environment or a `.env` file only. A secret in winbc.toml is refused.
"""

import os
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from importlib import resources
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import quote, urlsplit, urlunsplit
from zoneinfo import ZoneInfo

from dotenv import dotenv_values
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    IPvAnyAddress,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from . import secret_sources
from .errors import ConfigurationError
from .secret_sources import SECRETS as SECRETS

Source = Literal["environment", ".env", "winbc.toml", "default", "keyring"]
"""Where the value of a setting comes from, the strongest first."""

SHORTEST_KEY = 32  # characters
SHIPPED_TABLES = Path(str(resources.files("winbc_pipeline.defaults").joinpath("mapping_tables")))


class _Section(BaseModel):
    """Settings of one table of winbc.toml; a name that is not known is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class BusinessCentralSettings(_Section):
    """The address of Business Central, and its credentials: an Entra application, or user and password on-premises.

    `certificate` is a PEM file with the certificate and the private key of the application, in the place of a client
    secret. `requests_per_window` is a number of calls in five minutes. `batch_counts_as` says how a batch counts
    against it. `companion_app` says whether Business Central is asked for the companion app, or winbc does as if there
    were none. With `sync_states`, each run writes there what became of its records. With `block_erased`, who is erased
    here is blocked for privacy there.
    """

    base_url: str = ""
    authority: str = ""
    company: str = ""
    client_id: str = ""
    client_secret: SecretStr = SecretStr("")
    certificate: Path | None = None
    certificate_password: SecretStr = SecretStr("")
    scope: str = "https://api.businesscentral.dynamics.com/.default"
    user: str = ""
    password: SecretStr = SecretStr("")
    # Limits of Business Central online: behaviour.md section 10. The last one is not documented (section 8).
    page_size: int = Field(default=5000, ge=1, le=20_000)
    in_flight: PositiveInt = 5
    batch_size: int = Field(default=100, ge=1, le=100)
    requests_per_window: PositiveInt = 6000
    batch_counts_as: Literal["one", "operations"] = "one"
    companion_app: Literal["auto", "off"] = "auto"
    sync_states: bool = False
    block_erased: bool = False


class WinstoreSettings(_Section):
    """The address of Winstore, and its credentials.

    `profile` is the user's own profile file (None: the shipped one). `time_zone` is the zone of its orders' dates.
    """

    base_url: str = ""
    user: str = ""
    password: SecretStr = SecretStr("")
    profile: Path | None = None
    time_zone: ZoneInfo = ZoneInfo("Europe/Amsterdam")


WhenGone = Literal["nothing", "report", "block"]


# What API v2.0 has no place for where an item has variants.
Loss = Literal["gtin", "price", "cost", "stock", "blocked"]


class ProductSettings(_Section):
    """In which direction products go, what the SKUs of an article with colours and sizes become in Business Central,
    whether new items are open or blocked for sale, and what happens to items whose article is inactive in Winstore,
    came without their SKU, or is no longer given at all.

    `accept_losses` names what may be lost with `variants = "item_variants"`. `currency` is the currency of Winstore's
    prices (empty: not said). A company with another one gets none. `pictures` says whether pictures are sent: always,
    only to records that have none, or never. `picture_hosts` are the hosts from which a picture that is an address may
    be read. `container` asks for an item above those of an article's SKUs. `price_list` is the code of the price list
    of Business Central that `app_price` is read from.
    """

    direction: Literal["to_bc", "to_winstore", "both"] = "to_bc"
    variants: Literal["items", "item_variants"] = "items"
    accept_losses: tuple[Loss, ...] = ()
    container: bool = False
    currency: str = Field(default="", pattern="^([A-Z]{3})?$")
    new_items: Literal["open", "blocked"] = "open"
    inactive: WhenGone = "report"
    missing_sku: WhenGone = "report"
    missing_article: WhenGone = "report"
    pictures: Literal["always", "create", "never"] = "always"
    picture_hosts: tuple[str, ...] = ()
    price_list: str = Field(default="", max_length=20)


class CustomerSettings(_Section):
    """In which direction customers go, and how the customer of one system is found in the other.

    `match` names what finds a customer, the strongest first; what was found before comes before all of them.
    `winstore_ids` are the first and the last id that Winstore's customers get who were made in Business Central.
    """

    direction: Literal["to_bc", "to_winstore", "both"] = "to_bc"
    match: tuple[Literal["id", "email", "vat", "phone", "name_postcode"], ...] = ("id", "email")
    winstore_ids: tuple[PositiveInt, PositiveInt] = (800_000_000, 899_999_999)


class OrderSettings(_Section):
    """Which orders of Winstore become which documents of Business Central, for which customers, and what happens to an
    order that changes or is there already.

    Statuses and payment methods are Winstore's words; capitals do not matter. `total_tolerance` is the most that the
    total of an order may be off, in its currency, however many lines it has. `stop_after` is a number of documents in
    a row that failed with one code or have a wrong total, 0 for never.
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
    total_tolerance: Decimal = Field(default=Decimal("5.00"), ge=0)
    rounding_account: str = ""
    rounding_tax_code: str = ""
    write_back: bool = False
    batch_size: int = Field(default=20, ge=1, le=100)
    stop_after: NonNegativeInt = 20


class OrdersToWinstoreSettings(_Section):
    """Which documents of Business Central go to Winstore as orders, and how an order whose answer was lost is found."""

    documents: Literal["orders", "invoices", "both"] = "orders"
    statuses: tuple[str, ...] = ("Open", "Paid")
    reference_prefix: str = Field(default="WS-", pattern=r"^[A-Z0-9-]+$")
    look_up: Literal["none", "GetOrderChangesByDate"] = "none"


class OrderStatusSettings(_Section):
    """What happens to an order of Winstore that is no longer in Business Central."""

    missing: Literal["ignore", "cancelled"] = "ignore"


class StockSettings(_Section):
    """Who owns the stock of each group of warehouses, what counts as stock, and how often both sides are compared.

    `owners` holds the groups of `lookups/stock_groups.csv` that `owner` does not own. `warehouse` is Winstore's
    warehouse that shows the stock of Business Central, `locations` the locations there that count. `calls_per_hour` is
    a number of calls to each system by the sweep. `zero_share_percent` is a share of the SKUs that are known in the
    target, `zero_at_least` a number of SKUs.
    """

    owner: Literal["winstore", "bc"] = "winstore"
    owners: dict[str, Literal["winstore", "bc"]] = {}
    warehouse: str = ""
    drafts: bool = False
    locations: tuple[str, ...] = ()
    manage_stock: Literal["leave", "on", "off"] = "leave"
    sweep_minutes: int = Field(default=15, ge=1, le=60)
    full_sweep_hours: PositiveInt = 6
    calls_per_hour: PositiveInt = 200
    low: NonNegativeInt = 5
    zero_share_percent: NonNegativeInt = 20
    zero_at_least: NonNegativeInt = 50
    history_days: PositiveInt = 30


class GuardSettings(_Section):
    """How many records of master data or stock a run may create, and how many it may update, before a person is asked.

    `share_percent` is a share of the records that the flow has in the target; `at_least` is a number of records that is
    always allowed.
    """

    enabled: bool = True
    share_percent: NonNegativeInt = 20
    at_least: NonNegativeInt = 50


class LateSettings(_Section):
    """When a flow counts as late: its source has not answered for so long, or a change waits for so long.

    `poll_seconds` holds where a sensor asks, or three of its pauses if that is longer; `without_sensor_minutes` where
    a schedule alone does.
    """

    poll_seconds: PositiveInt = 45
    without_sensor_minutes: PositiveInt = 90
    lag_minutes: PositiveInt = 10


Kind = Literal["failed", "person", "guard", "late", "system", "volume", "expiry", "disk", "drift", "daemon"]


class AlertRoute(_Section):
    """To which channels the alerts of some flows or kinds go: `send` names them, the first that takes it gets it.

    An empty list of flows or kinds means all of them.
    """

    send: tuple[str, ...]
    flows: tuple[str, ...] = ()
    kinds: tuple[Kind, ...] = ()


class AlertSettings(_Section):
    """Who is told what is wrong, and when.

    `urls` are the channels by name, as apprise writes them, and `ping_url` is asked while all is watched. Both hold
    secrets. `quiet` is a time of day such as `22:00-07:00`, by the clock of `time_zone`. `expires` says when secrets
    and certificates end that no system tells of. `volume_percent` is a share of what is usual on the same weekday.
    """

    urls: dict[str, SecretStr] = {}
    ping_url: SecretStr = SecretStr("")
    send: tuple[str, ...] = ()
    routes: tuple[AlertRoute, ...] = ()
    quiet: str = Field(default="", pattern=r"^(([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d)?$")
    time_zone: ZoneInfo = ZoneInfo("Europe/Amsterdam")
    urgent: tuple[Kind, ...] = ()
    temporary_minutes: NonNegativeInt = 5
    ui_url: str = "http://127.0.0.1:3000/dagster"
    expires: dict[str, date] = {}
    expiry_days: PositiveInt = 30
    disk_mb: NonNegativeInt = 1000
    volume_percent: int = Field(default=30, ge=0, le=100)

    @model_validator(mode="after")
    def _channels_are_known(self) -> Self:
        """Refuses a name without an address: its messages would go elsewhere."""
        named = {*self.send, *(name for route in self.routes for name in route.send)}
        if unknown := sorted(named - {*self.urls}):
            raise ValueError(f"no channel {unknown[0]}. Set WINBC_ALERTS__URLS__{unknown[0].upper()}")
        return self


class CheckSettings(_Section):
    """Which share of a window's records may fail, and be left out, before its check in Dagster fails."""

    failed_percent: int = Field(default=5, ge=0, le=100)
    skipped_percent: int = Field(default=50, ge=0, le=100)


class ReconcileSettings(_Section):
    """How often both systems are compared whole, and with how many calls.

    `calls` is the most calls, to both systems together, that one comparison makes before it stops; the next one goes
    on. `counts_cron` and `whole_cron` are cron expressions (UTC).
    """

    calls: PositiveInt = 5000
    counts_cron: str = "20 2 * * *"
    whole_cron: str = "40 2 * * 0"


class DashboardSettings(_Section):
    """The dashboard: its language (empty: that of each browser), and how other computers reach it.

    `hosts` are names without ports under which they do. `listen` is the address of this machine on which it listens.
    Beyond this machine that takes TLS (`certificate` and `private_key`, PEM files) or `proxy`, the address of the one
    computer that may ask it, and has TLS itself. `second_factor` says whether a log-in takes a code of an authenticator
    beside the token. `idle_hours` without a request end a session.
    """

    language: Literal["", "en", "nl"] = ""
    hosts: tuple[str, ...] = ()
    listen: IPvAnyAddress = IPv4Address("127.0.0.1")
    certificate: Path | None = None
    private_key: Path | None = None
    proxy: IPvAnyAddress | None = None
    second_factor: bool | None = None
    idle_hours: PositiveInt = 12

    @property
    def wants_code(self) -> bool:
        """Whether a log-in takes a second factor: where nothing is said, as soon as other computers reach it."""
        return bool(self.hosts) if self.second_factor is None else self.second_factor

    @model_validator(mode="after")
    def _others_come_by_tls(self) -> Self:
        """Refuses to serve other computers without TLS, and without a name that they may use."""
        if (self.certificate is None) != (self.private_key is None):
            raise ValueError("dashboard.certificate and dashboard.private_key belong together")
        if self.listen.is_loopback:
            return self
        if self.certificate is None and self.proxy is None:
            raise ValueError(
                "dashboard.listen is an address that other computers reach: that takes dashboard.certificate and "
                "dashboard.private_key, or dashboard.proxy"
            )
        if not self.hosts:
            raise ValueError("dashboard.hosts names nothing under which other computers reach dashboard.listen")
        return self


class AuditSettings(_Section):
    """Where acts are noted beside the connection's own log: `syslog` is the socket of the system's log."""

    syslog: Path | None = None


class DatabaseSettings(_Section):
    """Whether the databases are encrypted, and the key: at least 32 characters, from the environment or the keyring."""

    encrypted: bool = False
    encryption_key: SecretStr = SecretStr("")

    @model_validator(mode="after")
    def _key_is_there(self) -> Self:
        """Refuses encryption without a key, or with one that could be guessed."""
        key = self.encryption_key.get_secret_value()
        if self.encrypted and not key:
            raise ValueError("encrypted databases need a key. Set WINBC_DATABASES__ENCRYPTION_KEY")
        if 0 < len(key) < SHORTEST_KEY:
            raise ValueError(f"the encryption key needs at least {SHORTEST_KEY} characters")
        return self


class StateSettings(_Section):
    """Where the state is: in files (empty), or in the database of a PostgreSQL server.

    `database` is an address such as `postgresql://winbc@db.example/winbc`, without the password.
    """

    database: str = Field(default="", pattern=r"^(postgres(ql)?://.+)?$")
    password: SecretStr = SecretStr("")

    @model_validator(mode="after")
    def _no_password_in_the_address(self) -> Self:
        """Refuses a secret in a setting that may stand in winbc.toml."""
        if urlsplit(self.database).password is not None:
            raise ValueError("the address has a password. It belongs into WINBC_STATE__PASSWORD")
        return self

    @property
    def address(self) -> str:
        """The address with user and password, as libpq takes it; empty for files."""
        return _with_password(self.database, self.password)


def _with_password(address: str, password: SecretStr) -> str:
    secret = password.get_secret_value()
    if not address or not secret:
        return address
    parts = urlsplit(address)
    user, _, host = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{user}:{quote(secret, safe='')}@{host}"))


class WorkerSettings(_Section):
    """Where runs do their work: in processes of this machine (empty), or in workers, which a Redis server tells.

    `broker` is an address such as `redis://redis.example:6379/0`, without the password.
    """

    broker: str = Field(default="", pattern=r"^(rediss?://.+)?$")
    password: SecretStr = SecretStr("")

    @model_validator(mode="after")
    def _no_password_in_the_address(self) -> Self:
        """Refuses a secret in a setting that may stand in winbc.toml."""
        if urlsplit(self.broker).password is not None:
            raise ValueError("the address has a password. It belongs into WINBC_WORKERS__PASSWORD")
        return self

    @property
    def address(self) -> str:
        """The address with user and password, as Celery takes it."""
        return _with_password(self.broker, self.password)


class FlowSettings(_Section):
    """When one flow runs. What is None is as the settings of the same connection say for all flows."""

    sensors: bool | None = None
    schedules: bool | None = None
    safe_mode: bool | None = None
    sensor_seconds: PositiveInt | None = None
    cron: str | None = None


@dataclass(frozen=True)
class Timing:
    """When a flow runs.

    Attributes:
        sensor_seconds: seconds from one question to the source to the next.
        cron: when the sweep runs (UTC).
        sensors: whether its sensor starts switched on.
        schedules: whether its schedules start switched on.
    """

    sensor_seconds: int
    cron: str
    sensors: bool
    schedules: bool


class Settings(BaseSettings):
    """All settings of one connection. Units are in the names: `_minutes`, `_days`, `_s` (seconds), `_mb`."""

    model_config = SettingsConfigDict(
        env_prefix="WINBC_",
        env_nested_delimiter="__",
        env_file=".env",
        toml_file="winbc.toml",
        extra="ignore",  # a .env may hold variables of other programs (DAGSTER_HOME); load_settings checks our names
        frozen=True,
    )

    connection: str = Field(default="default", pattern=r"^[\w-]+$")
    data_folder: Path = Path(".winbc")
    mapping_folder: Path = Path("mapping_tables")
    mapping_functions: Path | None = None
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
    ca_bundle: Path | None = None
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

    @model_validator(mode="after")
    def _databases_have_their_key(self) -> Self:
        """Tells who opens databases (staging/people/encryption.py) the key of this connection's."""
        given = secret_sources.DatabaseKey(self.databases.encrypted, self.databases.encryption_key)
        secret_sources.set_database_key(self.state_folder, given)
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
        """The sources of settings, the strongest first: arguments, environment, .env, winbc.toml, the keyring."""
        given = (init_settings, env_settings, dotenv_settings, TomlConfigSettingsSource(settings_cls))
        return (*given, secret_sources.KeyringSource(settings_cls))

    @property
    def tables_folder(self) -> Path:
        """The folder whose mapping tables serve: `mapping_folder`, or the shipped ones when nobody made one.

        A folder that the settings name is never replaced by the shipped one: its name may be a slip.
        """
        is_own = "mapping_folder" in self.model_fields_set or self.mapping_folder.exists()
        return self.mapping_folder if is_own else SHIPPED_TABLES

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


def load_settings(**given: Any) -> Settings:
    """The settings of the working folder (winbc.toml, .env) and of the environment; `given` settings win over both.

    Raises: ConfigurationError that names the source, the key and what was expected.
    """
    _check_toml(Path("winbc.toml"))
    _check_names("the environment", os.environ)
    _check_names(".env", secret_sources.env_file())
    try:
        return Settings(**given)
    except ValidationError as error:
        problems = "; ".join(_problem(e["loc"], e["msg"]) for e in error.errors(include_input=False))
        raise ConfigurationError(f"{problems}.", "See docs/settings.md.") from None


def check_set(values: Mapping[str, str]) -> None:
    """Raises ConfigurationError for the first setting that is empty, such as a password, before any call is made.

    Args:
        values: values by the names of their settings, such as `bc.password`.
    """
    for name, value in values.items():
        if not value:
            variable = f"WINBC_{name.upper().replace('.', '__')}"
            is_secret = name.partition(".")[2] in SECRETS
            where = f"Set {variable} in the environment or in .env."
            hint = where if is_secret else f"Set it in winbc.toml or as {variable}."
            raise ConfigurationError(f"{name} is not set.", hint)


def source_of(place: Sequence[str]) -> Source:
    """Where the value of a setting comes from.

    Args:
        place: its name and those of the sections that it is in, such as `("bc", "password")`.
    """
    variables = [_variable(place[:length]) for length in range(1, len(place) + 1)]  # a whole section may be JSON
    inside = f"{variables[-1]}__"
    named: tuple[tuple[Source, Iterable[str]], ...] = (("environment", os.environ), (".env", dotenv_values(".env")))
    for source, known in named:
        if any(each.upper() in variables or each.upper().startswith(inside) for each in known):
            return source
    path = Path("winbc.toml")
    found: Any = tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    for name in place:
        found = found.get(name) if isinstance(found, dict) else None
    if found is not None:
        return "winbc.toml"
    return "keyring" if ".".join(place) in secret_sources.FROM_KEYRING else "default"


def _variable(place: Sequence[int | str]) -> str:
    return "WINBC_" + "__".join(str(part).upper() for part in place)


def _problem(place: tuple[int | str, ...], expected: str) -> str:
    """The source of a wrong value, and what was expected there."""
    variable = _variable(place)
    if variable in os.environ:
        where = variable
    elif variable in dotenv_values(".env"):
        where = f"{variable} in .env"
    else:
        where = f"winbc.toml: {'.'.join(map(str, place))}"
    return f"{where}: {expected}"


def _check_names(where: str, variables: Mapping[str, str | None]) -> None:
    """Refuses a variable that begins with WINBC_ and is not a setting. It would be ignored, so a typing error would
    go unseen."""
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
        keys = set(values) if isinstance(values, dict) else set()
        for key in SECRETS & keys:
            hint = f"Set WINBC_{section.upper()}__{key.upper()} in the environment or in .env, and delete it here."
            raise ConfigurationError(f"{path}: {section}.{key} is a secret.", hint)
