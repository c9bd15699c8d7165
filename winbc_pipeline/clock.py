"""The clock of the program. Every moment that is recorded or compared comes from here, so that a test can set it."""

from datetime import UTC, datetime


def now() -> datetime:
    """The present moment, in UTC."""
    return datetime.now(UTC)
