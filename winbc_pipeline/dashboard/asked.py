"""Who asked for people's values: each time is noted, with who, when and about which record."""

import logging

from .guard.session import Session

LOG = logging.getLogger(__name__)


def note(session: Session, flow: str, key: str) -> None:
    """Notes that somebody looks at the values of a record."""
    LOG.warning("%s (%s) asked for people's values of %s %s", session.name, session.role, flow, key)
