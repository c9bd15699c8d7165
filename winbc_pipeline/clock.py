"""The clock of the program. Every moment that is recorded or compared comes from here, so that a test can set it."""

from datetime import MINYEAR, UTC, datetime


def now() -> datetime:
    """The present moment, in UTC."""
    return datetime.now(UTC)


def moment_of(text: object) -> datetime | None:
    """A moment as a system writes it, in UTC; None where there is none, or none that can be read.

    One without an offset counts as UTC. Business Central writes a moment that nobody has given as one in the year 1.
    """
    try:
        moment = datetime.fromisoformat(str(text or ""))
        if moment.year == MINYEAR:
            return None
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):  # an offset may lead out of the years that there are
        return None


def newest(*moments: datetime | None) -> datetime | None:
    """The newest of some moments, of which some may be missing."""
    return max(filter(None, moments), default=None)
