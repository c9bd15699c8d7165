"""Reads what changed since a moment in chunks: at most so many records a call, ordered by modified, then key.

Records that change while they are read only move on to a later chunk, so none is passed over, as it can be with pages.
The rule is assumed (docs/winstore-contract.md, version 2).
"""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from ... import clock
from ...errors import UnreadableAnswer
from .profile import EntityProfile
from .rows import Row

Seen = Counter[tuple[str, ...]]
Ask = Callable[[datetime, int, str], list[Row]]


def chunks(profile: EntityProfile, since: datetime, ask: Ask, after: str = "") -> Iterator[list[Row]]:
    """The chunks from a moment on, at least one; their records are not flat yet. No record comes twice in one version.

    A question is in whole seconds. So each chunk begins with the whole last second of the one before. Where the profile
    names `after`, what came already is left out, and the read ends with an answer that has nothing new: Winstore may
    give fewer records than it was asked for. Elsewhere the read ends with an answer that is not full, and a second that
    does not fit into a chunk is asked for again with twice the limit.

    Args:
        ask: reads at most so many records that changed at or after a moment and stand behind a position.
        after: the position of the record behind which the read begins; empty for all.
    Raises: UnreadableAnswer for a full chunk that does not say where the next one begins.
    """
    seen: Seen = Counter()
    start, limit = since.astimezone(UTC).replace(microsecond=0), profile.records_per_chunk
    while True:
        rows = ask(start, limit, after)
        new = list(_unseen(rows, profile, seen))
        yield new
        if len(rows) < limit:
            rows = [row for row in rows if _moment(row, profile)]
            if not (profile.after and new and rows):
                return
        seconds = _seconds(rows, profile)
        if seconds[-1] > start:
            start, limit, seen = seconds[-1], profile.records_per_chunk, Counter()
        elif not (profile.after and new):
            limit *= 2
        # What comes again. After a larger chunk, a smaller one may hold a part of it only.
        seen |= Counter(_version(row, profile) for row, second in zip(rows, seconds, strict=True) if second == start)
        after = profile.position(rows[-1]) if profile.after else ""


def _unseen(rows: list[Row], profile: EntityProfile, seen: Seen) -> Iterator[Row]:
    """The rows that the chunks before did not have. They are counted, because two records may look alike."""
    left = seen.copy()
    for row in rows:
        version = _version(row, profile)
        if left[version]:
            left[version] -= 1
        else:
            yield row


def _version(row: Row, profile: EntityProfile) -> tuple[str, ...]:
    """What tells a record and its version from others."""
    return (profile.position(row), *(str(row.get(name)) for name in profile.identity))


def _seconds(rows: list[Row], profile: EntityProfile) -> list[datetime]:
    """The whole second in which each record of a chunk was modified."""
    moments = [moment for row in rows if (moment := _moment(row, profile))]
    if len(moments) < len(rows):
        words = (
            f"A record in a full answer to {profile.call} has no {profile.modified}, so it cannot be read in chunks."
        )
        raise UnreadableAnswer(words, f"Remove `limit` of {profile.call} from the profile.")
    if moments != sorted(moments):
        words = f"Winstore's answer to {profile.call} is not ordered by {profile.modified}."
        raise UnreadableAnswer(words, f"Remove `limit` of {profile.call} from the profile.")
    return [moment.replace(microsecond=0) for moment in moments]


def _moment(row: Row, profile: EntityProfile) -> datetime | None:
    """The modification moment of a record in UTC; None when it has none that can be read."""
    return clock.moment_of(row.get(profile.modified))
