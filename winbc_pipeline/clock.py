"""The program's clock: every moment that it records or compares comes from here, in UTC, so that a test can set it."""

from datetime import UTC, datetime


def now() -> datetime:
    """The present moment."""
    return datetime.now(UTC)
