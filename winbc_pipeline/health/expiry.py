"""Which secrets and certificates end soon.

Here belongs: certificates as the systems have shown them (seen.py), and the dates that the settings give. No system
tells when its secret ends; a certificate for signing in tells it itself.
"""

from contextlib import suppress
from datetime import UTC, datetime, timedelta

from ..errors import ConfigurationError
from ..settings import Settings
from ..systems.business_central.certificate import certificate_of
from .problem import EVERY, Name, Problem
from .seen import seen


def ending(settings: Settings, now: datetime) -> list[Problem]:
    """A problem for each secret and certificate that ends within `alerts.expiry_days`."""
    ends = {f"certificate of {origin}": moment for origin, moment in seen(settings).certificates.items()}
    if settings.bc.certificate:
        with suppress(ConfigurationError):  # every call tells of a file that cannot be read
            ends["certificate of bc.certificate"] = certificate_of(settings.bc).ends
    for what, day in settings.alerts.expires.items():
        ends[what] = datetime(day.year, day.month, day.day, tzinfo=UTC)
    soon = now + timedelta(days=settings.alerts.expiry_days)
    return [_problem(what, moment, now) for what, moment in sorted(ends.items()) if moment <= soon]


def _problem(what: str, moment: datetime, now: datetime) -> Problem:
    day = f"{moment:%Y-%m-%d}"
    ends = f"The {what} has ended on {day}." if moment <= now else f"The {what} ends on {day}."
    words = f"{ends} From then on no call is answered."
    fix = "Renew it, and give the new one (and its date in `alerts.expires`) to the settings."
    return Problem(Name(EVERY, "expiry", "EXPIRY", what), now, words=words, fix=fix)
