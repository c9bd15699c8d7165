"""Settings of what tells people: being late, alerts, checks, comparisons."""

from datetime import date
from typing import Literal, Self
from zoneinfo import ZoneInfo

from pydantic import (
    Field,
    NonNegativeInt,
    PositiveInt,
    SecretStr,
    model_validator,
)

from .section import Section

Kind = Literal["failed", "person", "guard", "late", "system", "volume", "expiry", "disk", "drift", "daemon"]


class LateSettings(Section):
    """When a flow counts as late: its source has not answered for so long, or a change waits for so long.

    `poll_seconds` holds where a sensor asks, or three of its pauses if that is longer; `without_sensor_minutes` where
    a schedule alone does.
    """

    poll_seconds: PositiveInt = 45
    without_sensor_minutes: PositiveInt = 90
    lag_minutes: PositiveInt = 10


class AlertRoute(Section):
    """To which channels the alerts of some flows or kinds go: `send` names them, the first that takes it gets it.

    An empty list of flows or kinds means all of them.
    """

    send: tuple[str, ...]
    flows: tuple[str, ...] = ()
    kinds: tuple[Kind, ...] = ()


class AlertSettings(Section):
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


class CheckSettings(Section):
    """Which share of a window's records may fail, and be left out, before its check in Dagster fails."""

    failed_percent: int = Field(default=5, ge=0, le=100)
    skipped_percent: int = Field(default=50, ge=0, le=100)


class ReconcileSettings(Section):
    """How often both systems are compared whole, and with how many calls.

    `calls` is the most calls, to both systems together, that one comparison makes before it stops; the next one goes
    on. `counts_cron` and `whole_cron` are cron expressions (UTC).
    """

    calls: PositiveInt = 5000
    counts_cron: str = "20 2 * * *"
    whole_cron: str = "40 2 * * 0"
