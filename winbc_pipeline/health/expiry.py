"""Which secrets and certificates end soon.

Here belongs: certificates as the systems show them in every connection, and the dates that the settings give. No system
tells when its secret ends.
"""

from datetime import UTC, datetime, timedelta

import orjson

from ..settings import Settings
from ..systems.transport import certificates
from .problem import EVERY, Name, Problem


def note_certificates(settings: Settings) -> None:
    """Keeps until when the certificates hold that this process has seen, in a small file."""
    if certificates:
        path = settings.state_folder / "certificates.json"
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.write_bytes(orjson.dumps(_certificates(settings) | certificates))


def ending(settings: Settings, now: datetime) -> list[Problem]:
    """A problem for each secret and certificate that ends within `alerts.expiry_days`."""
    ends = {f"certificate of {origin}": moment for origin, moment in _certificates(settings).items()}
    for what, day in settings.alerts.expires.items():
        ends[what] = datetime(day.year, day.month, day.day, tzinfo=UTC)
    soon = now + timedelta(days=settings.alerts.expiry_days)
    return [_problem(what, moment, now) for what, moment in sorted(ends.items()) if moment <= soon]


def _certificates(settings: Settings) -> dict[str, datetime]:
    try:
        known = orjson.loads((settings.state_folder / "certificates.json").read_bytes())
        return {origin: datetime.fromisoformat(moment) for origin, moment in known.items()}
    except (OSError, orjson.JSONDecodeError):
        return {}


def _problem(what: str, moment: datetime, now: datetime) -> Problem:
    when = "has ended" if moment <= now else "ends"
    words = f"The {what} {when} on {moment:%Y-%m-%d}. From then on no call is answered."
    fix = "Renew it, and give the new one (and its date in `alerts.expires`) to the settings."
    return Problem(Name(EVERY, "expiry", "EXPIRY", what), now, words=words, fix=fix)
