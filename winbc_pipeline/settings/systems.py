"""Settings of the two systems."""

from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import (
    Field,
    PositiveInt,
    SecretStr,
)

from .section import InFolder, Section


class ApplicationSettings(Section):
    """A further Entra application that calls for a connection. With `bc.certificate`, it signs in with that, too."""

    client_id: str
    client_secret: SecretStr = SecretStr("")


class BusinessCentralSettings(Section):
    """The address of Business Central, and its credentials: an Entra application, or user and password on-premises.

    `certificate` is a PEM file with the certificate and the private key of the application, in the place of a client
    secret. The limits hold for a user, and each of the `further` applications is one more: they add up.
    `requests_per_window` is a number of calls in five minutes. `batch_counts_as` says how a batch counts
    against it. `companion_app` says whether Business Central is asked for the companion app, or winbc does as if there
    were none. With `sync_states`, each run writes there what became of its records. With `block_erased`, who is erased
    here is blocked for privacy there.
    """

    base_url: str = ""
    authority: str = ""
    company: str = ""
    client_id: str = ""
    client_secret: SecretStr = SecretStr("")
    certificate: InFolder | None = None
    certificate_password: SecretStr = SecretStr("")
    scope: str = "https://api.businesscentral.dynamics.com/.default"
    further: dict[str, ApplicationSettings] = {}
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

    @property
    def users(self) -> dict[str, "BusinessCentralSettings"]:
        """The settings of each user that calls, by the name of the section that has its credentials."""
        further = {f"bc.further.{name}": dict(application) for name, application in self.further.items()}
        return {"bc": self} | {name: self.model_copy(update=given) for name, given in further.items()}


class WinstoreSettings(Section):
    """The address of Winstore, and its credentials.

    `profile` is the user's own profile file (None: the shipped one). `time_zone` is the zone of its orders' dates.
    """

    base_url: str = ""
    user: str = ""
    password: SecretStr = SecretStr("")
    profile: InFolder | None = None
    time_zone: ZoneInfo = ZoneInfo("Europe/Amsterdam")
