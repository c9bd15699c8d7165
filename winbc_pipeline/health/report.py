"""How a connection is at a moment, for people and for programs: `winbc status`, its JSON, and figures for Prometheus.

Here belongs: what the fields and figures are called. Their names are promises (docs/operations.md). None of them holds
personal data.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector, CollectorRegistry

from ..errors import StoreUnavailable
from ..flows import FLOWS
from ..settings import Settings
from ..staging.ledger import State
from ..sync.connected import ConnectedFlow
from . import store
from .decide import LOOK_BACK, Held, held
from .facts import Facts, facts_of
from .gather import WAIT_S, Gathered, gather
from .lateness import NEVER_ASKED, NOT_ANSWERED, FlowHealth, flow_health
from .problem import Problem
from .publishing.status import facts_published, low_volumes
from .seen import seen
from .store import Outage
from .words import fix_of, head

FINE, FAILURES, LATE, SET_UP = 0, 1, 2, 3  # exit codes of `winbc status`
WARNINGS = ("late", "volume", "expiry")  # kinds of problems that are no failures
MEASURES = {
    "on": "1 when the settings let records go in this direction",
    "busy": "1 when a run has the flow's database open, so that its records and problems are not known",
    "late": "1 when the flow is late",
    "poll_age_seconds": "Time since the source last answered",
    "lag_seconds": "Time that the oldest change waits which the target has not acknowledged; 0 for none",
    "unknown_seconds": "Time that the oldest record waits whose answer was lost; 0 for none",
    "person_seconds": "Time that the oldest record waits for a person; 0 for none",
    "lease_seconds": "Time that a process has had the lease of the flow; 0 for none",
    "followed_timestamp_seconds": "Moment up to which the source was followed, in seconds since 1970",
}


@dataclass(frozen=True)
class Report:
    """How a connection is.

    Attributes:
        flows: all flows, also those that are off.
        problems: the open ones.
        outages: channels of alerts that take no messages.
        calls: numbers of answers by system and status.
        held: what is due to be told and is held, because many messages went out; None for nothing.
    """

    connection: str
    at: datetime
    flows: tuple[FlowHealth, ...]
    problems: tuple[Problem, ...]
    outages: tuple[Outage, ...]
    calls: Mapping[tuple[str, int], int]
    held: Held | None = None

    @property
    def exit_code(self) -> int:
        """2 when a flow is late, else 1 when something failed or nobody can be told of it, else 0."""
        if any(flow.late for flow in self.flows):
            return LATE
        failed = any(each.name.kind not in WARNINGS for each in self.problems)
        return FAILURES if failed or self.outages else FINE


def report(settings: Settings, now: datetime, is_served: bool = True) -> Report:
    """How a connection is at a moment. Nothing is asked or sent.

    Args:
        is_served: whether a daemon is at work that asks the sources.
    """
    every = [ConnectedFlow(flow, settings) for flow in FLOWS]
    known = store.remembered(settings, now - LOOK_BACK)
    gathered = gather(every, known.failures, now)
    return Report(
        connection=settings.connection,
        at=now,
        flows=tuple(each if is_served else _not_asked(each) for each in _flows(every, gathered, now)),
        problems=tuple(each for each in gathered.problems if each.closed_at is None),
        outages=tuple(known.outages.values()),
        calls=seen(settings).calls,
        held=held(gathered, known.tracks, known.sent, settings.alerts, now),
    )


def report_of_published(settings: Settings, now: datetime) -> Report:
    """The same as `report`, of what runs have published: no database is opened, and no run is kept waiting."""
    every, few = [ConnectedFlow(flow, settings) for flow in FLOWS], low_volumes(settings)

    def look(connected: ConnectedFlow, _: datetime) -> tuple[Facts, Problem | None]:
        return facts_published(connected), few.get(connected.flow.id)

    known = store.published(settings)
    gathered = gather(every, known.failures, now, look)
    on = {each.flow: each for each in gathered.healths}
    flows = (on.get(each.flow.id) or flow_health(each, facts_published(each), now) for each in every)
    problems = tuple(each for each in gathered.problems if each.closed_at is None)
    return Report(settings.connection, now, tuple(flows), problems, tuple(known.outages.values()), seen(settings).calls)


def as_json(report: Report) -> dict[str, Any]:
    """A report for programs; moments are texts in UTC."""
    return {
        "connection": report.connection,
        "at": report.at,
        "exit_code": report.exit_code,
        "flows": [_flow(each, report.at) for each in report.flows],
        "problems": [_problem(each) for each in report.problems],
        "channels_down": [{"channel": each.channel, "since": each.since} for each in report.outages],
        "messages_held": {"problems": report.held.count, "until": report.held.until} if report.held else None,
    }


def prometheus(report: Report) -> str:
    """The figures of a report as Prometheus reads them."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Figures(report))
    return generate_latest(registry).decode()


class _Figures(Collector):
    def __init__(self, report: Report) -> None:
        self.report = report

    def collect(self) -> Iterator[GaugeMetricFamily | CounterMetricFamily]:
        connection, at = self.report.connection, self.report.at
        measured = [(each.flow, _measures(each, at)) for each in self.report.flows]
        for name, text in MEASURES.items():
            gauge = GaugeMetricFamily(f"winbc_{name}", text, labels=("connection", "flow"))
            for flow, values in measured:
                if (value := values[name]) is not None:
                    gauge.add_metric((connection, flow), value)
            yield gauge
        records = GaugeMetricFamily("winbc_records", "Records by state", labels=("connection", "flow", "state"))
        for each in self.report.flows:
            for state in State if each.facts.is_known else ():
                records.add_metric((connection, each.flow, state), each.facts.states.get(state, 0))
        yield records
        labels = ("connection", "flow", "kind", "reason")
        problems = GaugeMetricFamily("winbc_problems", "Open problems", labels=labels)
        counts = Counter((each.name.flow, each.name.kind, each.name.reason) for each in self.report.problems)
        for labelled, count in sorted(counts.items()):
            problems.add_metric((connection, *labelled), count)
        yield problems
        down = GaugeMetricFamily("winbc_channel_down", "Channels of alerts that fail", labels=("connection", "channel"))
        for outage in self.report.outages:
            down.add_metric((connection, outage.channel), 1)
        yield down
        calls = CounterMetricFamily("winbc_calls", "Answers of the systems", labels=("connection", "system", "status"))
        for (system, status), count in sorted(self.report.calls.items()):
            calls.add_metric((connection, system, str(status)), count)
        yield calls


def _measures(flow: FlowHealth, at: datetime) -> dict[str, float | None]:
    none = 0 if flow.facts.is_known else None  # of what nothing is known, there is no figure
    return {
        "on": flow.is_on,
        "busy": not flow.facts.is_known,
        "late": bool(flow.late),
        "poll_age_seconds": _age(flow.poll.answered_at, at),
        "lag_seconds": _age(flow.waiting_since, at) or none,
        "unknown_seconds": _age(flow.facts.unknown_since, at) or none,
        "person_seconds": _age(flow.facts.person_since, at) or none,
        "lease_seconds": _age(flow.holder.since, at) or 0 if flow.holder else 0,
        "followed_timestamp_seconds": flow.facts.watermark.timestamp() if flow.facts.watermark else None,
    }


def _flows(every: list[ConnectedFlow], gathered: Gathered, now: datetime) -> Iterator[FlowHealth]:
    known = {each.flow: each for each in gathered.healths}
    for connected in every:
        flow = connected.flow.id
        yield known[flow] if flow in known else flow_health(connected, _facts(connected, now), now)


def _not_asked(flow: FlowHealth) -> FlowHealth:
    """A flow whose source is silent because nothing runs that asks it."""
    if flow.late not in (NEVER_ASKED, NOT_ANSWERED):
        return flow
    return replace(flow, words=f"{flow.words} Nobody asks: is `winbc up` running?")


def _facts(connected: ConnectedFlow, now: datetime) -> Facts:
    try:
        return facts_of(connected, now, WAIT_S)
    except StoreUnavailable:
        return Facts(is_known=False)


def _flow(flow: FlowHealth, at: datetime) -> dict[str, Any]:
    holder = flow.holder
    return {
        "flow": flow.flow,
        "state": flow.state,
        "late": flow.late or None,
        "why": flow.words or None,
        "answered_at": flow.poll.answered_at,
        "poll_age_s": _age(flow.poll.answered_at, at),
        "waiting_since": flow.waiting_since,
        "lag_s": _age(flow.waiting_since, at),
        "unknown_since": flow.facts.unknown_since,
        "person_since": flow.facts.person_since,
        "followed_until": flow.facts.watermark,
        "records": flow.facts.states if flow.facts.is_known else None,
        "sensor_seconds": flow.timing.sensor_seconds if flow.is_on and flow.timing.sensors else None,
        "sweep": flow.timing.cron if flow.is_on and flow.timing.schedules else None,
        "paused_until": flow.paused_until,
        "safe_mode": flow.safe_mode,
        "lease": {"process": holder.process, "flow": holder.flow, "since": holder.since} if holder else None,
    }


def _problem(problem: Problem) -> dict[str, Any]:
    name = problem.name
    return {
        "flow": name.flow or None,
        "flows": problem.flows,
        "kind": name.kind,
        "reason": name.reason,
        "since": problem.opened_at,
        "records": problem.records,
        "what": head(problem),
        "words": problem.words or None,
        "fix": fix_of(problem),
        "examples": [{"part": each.part, "key": each.key, "message": each.message} for each in problem.examples],
    }


def _age(moment: datetime | None, at: datetime) -> float | None:
    """Seconds since a moment."""
    return max((at - moment) / timedelta(seconds=1), 0.0) if moment else None
