"""Is a flow late? It is when its source has not answered for too long, or when a change waits for too long.

Here belongs: the rule. It looks at what was asked and at what is open, and not at runs: a quiet shop is not late, and a
flow whose runs all fail is.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ..errors import ConfigurationError, StateUnavailable
from ..settings import Settings, Timing
from ..staging.notes import polls
from ..staging.notes.pause import paused_until
from ..staging.notes.polls import Poll
from ..sync.connected import ConnectedFlow
from ..sync.session import Holder, holder_of
from .facts import Facts
from .problem import Problem

PAUSES = 3  # of a sensor, that may pass without an answer
NEVER_ASKED, NOT_ANSWERED, WAITS = "NEVER_ASKED", "NOT_ANSWERED", "WAITS"


@dataclass(frozen=True)
class FlowHealth:
    """How a flow is.

    Attributes:
        flow: its id.
        is_on: whether the settings let records go in its direction.
        timing: when it runs.
        facts: what its ledger says.
        poll: what the questions to its source came to.
        holder: the process that has the flow's lease; None for none, and where the server does not tell.
        paused_until: until when a person lets it rest; None for a flow that may run.
        in_safe_mode: whether nothing of it is written that nobody has approved, as far as its ledger is known.
        late: NEVER_ASKED, NOT_ANSWERED or WAITS; empty when it is not late, or nothing runs it by itself.
        words: why it is late.
        is_stopped: whether its runs end before they send anything.
    """

    flow: str
    is_on: bool
    timing: Timing
    facts: Facts
    poll: Poll
    holder: Holder | None = None
    paused_until: datetime | None = None
    in_safe_mode: bool = False
    late: str = ""
    words: str = ""
    is_stopped: bool = False

    @property
    def safe_mode(self) -> bool | None:
        """Whether it is in safe mode; None where its ledger would tell, and cannot be read."""
        return None if self.in_safe_mode and not self.facts.is_known else self.in_safe_mode

    @property
    def problems(self) -> list[Problem]:
        """Those that are open."""
        return [each for each in self.facts.problems if each.closed_at is None]

    @property
    def waiting_since(self) -> datetime | None:
        """Since when the oldest change waits that its target has not acknowledged; None for none."""
        return min(filter(None, (self.poll.waiting_since, self.facts.unsent_since)), default=None)

    @property
    def state(self) -> str:
        """In a word: off, paused, late, trouble, busy (its ledger is in use), by hand (nothing runs it), or fine."""
        if not self.is_on:
            return "off"
        if self.paused_until:
            return "paused"
        if self.late:
            return "late"
        if self.problems or self.is_stopped:
            return "trouble"
        if not self.facts.is_known:
            return "busy"
        return "fine" if self.timing.sensors or self.timing.schedules else "by hand"


def flow_health(connected: ConnectedFlow, facts: Facts, now: datetime) -> FlowHealth:
    """How a flow is at a moment, with what its ledger says (`facts_of`)."""
    settings, flow = connected.settings, connected.flow
    poll, timing = polls.read(settings, flow.id), settings.timing(flow.id)
    paused, is_safe = _paused_until(settings, flow.id, now), settings.in_safe_mode(flow.id) and not facts.was_let_go
    known = FlowHealth(flow.id, flow.is_on(settings), timing, facts, poll, _holder(connected), paused, is_safe)
    if not known.is_on or paused:
        return known
    late, words = _late(known, settings, now)
    return replace(known, late=late, words=words)


def _holder(connected: ConnectedFlow) -> Holder | None:
    """Who has the lease; None also where the server does not tell, which is a problem (gather.py)."""
    try:
        return holder_of(connected)
    except StateUnavailable:
        return None


def _paused_until(settings: Settings, flow: str, now: datetime) -> datetime | None:
    """Until when a flow rests; a pause that nobody can read counts as none, and is a problem (gather.py)."""
    try:
        return paused_until(settings, flow, now)
    except ConfigurationError:
        return None


def longest_silence(timing: Timing, settings: Settings) -> timedelta | None:
    """How long a source may go without an answer; None when nothing asks it by itself."""
    if timing.sensors:
        return timedelta(seconds=max(settings.late.poll_seconds, PAUSES * timing.sensor_seconds))
    return timedelta(minutes=settings.late.without_sensor_minutes) if timing.schedules else None


def _late(health: FlowHealth, settings: Settings, now: datetime) -> tuple[str, str]:
    silence, poll, waits = longest_silence(health.timing, settings), health.poll, health.waiting_since
    if silence is None:
        return "", ""
    answered = max(filter(None, (poll.answered_at, poll.busy_at)), default=None)
    if answered is None:
        return NEVER_ASKED, "Its source was never asked, or never answered."
    if now - answered > silence:
        why = f" The last question ended with {poll.error}: {poll.words}" if poll.error else ""
        return NOT_ANSWERED, f"Its source has not answered since {moment(answered)}.{why}"
    if waits and now - waits > timedelta(minutes=settings.late.lag_minutes):
        return WAITS, f"A change waits since {moment(waits)} for its target."
    return "", ""


def moment(when: datetime) -> str:
    """A moment as people read it, in UTC."""
    return f"{when:%Y-%m-%d %H:%M:%S} UTC"
