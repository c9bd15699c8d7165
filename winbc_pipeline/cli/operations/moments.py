"""Moments as people type and read them, in the time zone of the settings. Inside the program they are in UTC."""

from datetime import UTC, datetime, time, timedelta

import typer

from ...settings import Settings

EXAMPLES = "18:30, 2026-03-01, 2026-03-01 18:30, 2026-03-01T18:30+01:00, 90m, 2h or 3d"
UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def moment_of(text: str, settings: Settings, now: datetime) -> datetime:
    """The moment (UTC) that a person means: a time of day is the next one, `2h` is two hours from now.

    Raises: typer.BadParameter for other texts.
    """
    typed = text.strip()
    if typed[:-1].isdigit() and typed[-1:] in UNITS:
        return now + timedelta(**{UNITS[typed[-1]]: int(typed[:-1])})
    try:
        return _next(time.fromisoformat(typed), settings, now)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(typed)
    except ValueError:
        raise typer.BadParameter(f"{text} is no moment. Give one such as {EXAMPLES}.") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=settings.time_zone)).astimezone(UTC)


def in_words(moment: datetime, settings: Settings) -> str:
    """A moment in the time zone of the settings, such as `2026-03-01 18:30 CET`."""
    return f"{moment.astimezone(settings.time_zone):%Y-%m-%d %H:%M %Z}"


def _next(of_day: time, settings: Settings, now: datetime) -> datetime:
    """The next moment with a time of day."""
    today = now.astimezone(settings.time_zone).date()
    for day in (today, today + timedelta(days=1)):
        moment = datetime.combine(day, of_day, of_day.tzinfo or settings.time_zone).astimezone(UTC)
        if moment > now:
            break
    return moment
