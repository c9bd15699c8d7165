"""Settings of where winbc runs: the dashboard, its log of acts, databases, workers."""

from ipaddress import IPv4Address
from typing import Literal, Self
from urllib.parse import quote, urlsplit, urlunsplit

from pydantic import (
    Field,
    IPvAnyAddress,
    PositiveInt,
    SecretStr,
    model_validator,
)

from .section import InFolder, Section

SHORTEST_KEY = 32  # characters


class DashboardSettings(Section):
    """The dashboard: its language (empty: that of each browser), and how other computers reach it.

    `hosts` are names without ports under which they do. `listen` is the address of this machine on which it listens.
    Beyond this machine that takes TLS (`certificate` and `private_key`, PEM files) or `proxy`, the address of the one
    computer that may ask it, and has TLS itself. `second_factor` says whether a log-in takes a code of an authenticator
    beside the token. `idle_hours` without a request end a session.
    """

    language: Literal["", "en", "nl"] = ""
    hosts: tuple[str, ...] = ()
    listen: IPvAnyAddress = IPv4Address("127.0.0.1")
    certificate: InFolder | None = None
    private_key: InFolder | None = None
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


class AuditSettings(Section):
    """Where acts are noted beside the connection's own log: `syslog` is the socket of the system's log."""

    syslog: InFolder | None = None


class DatabaseSettings(Section):
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


class StateSettings(Section):
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


class WorkerSettings(Section):
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
