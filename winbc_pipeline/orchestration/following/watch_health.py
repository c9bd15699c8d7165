"""What Dagster shows of a flow being late, and the sensor that looks every few seconds and sends alerts.

Here belongs: lateness as an asset check. A run is never started for it: the sensor reports the check itself, when its
result changes. What late means: health/lateness.py. Concept pages: Sensors, Asset checks.
"""

import json
from collections.abc import Iterator, Sequence
from functools import partial

from dagster import (
    AssetCheckEvaluation,
    AssetCheckExecutionContext,
    AssetCheckResult,
    AssetChecksDefinition,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetKey,
    DefaultSensorStatus,
    SensorDefinition,
    SensorEvaluationContext,
    SensorResult,
    SkipReason,
    multi_asset_check,
    sensor,
)

from ... import clock
from ...errors import WinbcError
from ...flows import FLOWS
from ...health.flush import Flushed, flush
from ...health.gather import Gathered, gather
from ...health.lateness import FlowHealth
from ...health.publishing.publish import publish_watched
from ...health.report import report
from ...settings import Settings, Timing
from ...sync.connected import ConnectedFlow
from ..names import key_of, named
from .apart import apart

CHECK = "on_time"
CHECK_TEXT = (
    "Its source answered lately, and no change waits for long. `winbc status` tells the same. docs/operations.md."
)
EVERY_S = 15  # with `late.poll_seconds` it is told within a minute that a source is down
Known = dict[str, str]  # what was last reported, by the flow's name in Dagster: why it is late, or nothing


def watch_sensor(connections: Sequence[Settings]) -> SensorDefinition:
    """The sensor that sends the alerts of connections that are due, and reports which of their flows are late."""
    on = any(any((each.sensors, each.schedules)) for settings in connections for each in _timings(settings))

    @sensor(
        name="alerts",
        minimum_interval_seconds=EVERY_S,
        default_status=DefaultSensorStatus.RUNNING if on else DefaultSensorStatus.STOPPED,
        description="Sends alerts that are due, and says which flows are late. It starts no runs.",
    )
    def alerts(context: SensorEvaluationContext) -> SensorResult:
        before: Known = json.loads(context.cursor or "{}")
        looks = apart({each.connection: partial(_looked, each, before) for each in connections})
        told = dict.fromkeys(words for words, _, _ in looks.values())
        events = [event for _, found, _ in looks.values() for event in found]
        after: Known = {}
        for each in connections:
            after |= looks[each.connection][2] if each.connection in looks else _of(each, before)
        return SensorResult(skip_reason=SkipReason(" ".join(told)), asset_events=events, cursor=json.dumps(after))

    return alerts


def _of(settings: Settings, known: Known) -> Known:
    """What is known of a connection's flows."""
    names = [named(settings, flow.id) for flow in FLOWS]
    return {name: known[name] for name in names if name in known}


def _timings(settings: Settings) -> list[Settings | Timing]:
    return [settings, *(settings.timing(flow) for flow in settings.flows)]


def _looked(settings: Settings, before: Known) -> tuple[str, list[AssetCheckEvaluation], Known]:
    """What became of a connection's alerts, in words, and what of its flows being late is to be reported."""
    words, gathered = _flushed(settings)
    still = [each for each in gathered.problems if each.closed_at is None]
    publish_watched(still, [ConnectedFlow(flow, settings) for flow in FLOWS])
    return words, *evaluations(settings, gathered.healths, before)


def evaluations(
    settings: Settings, on: Sequence[FlowHealth], before: Known
) -> tuple[list[AssetCheckEvaluation], Known]:
    """The results of the check that differ from those before, and what is reported then; `on` are flows that are on."""
    after = {named(settings, each.flow): each.late for each in on}
    changed = [each for each in on if before.get(named(settings, each.flow)) != each.late]
    return [_evaluation(settings, each.flow, each.words) for each in changed], after


def on_time_checks(flows: Sequence[ConnectedFlow]) -> AssetChecksDefinition:
    """The checks of a connection's flows as somebody may run them by hand. Runs of a flow leave them to the sensor."""
    settings = flows[0].settings
    by_key = {synced(settings, each.flow.id): each.flow.id for each in flows}
    specs = [AssetCheckSpec(CHECK, asset=key, description=CHECK_TEXT) for key in by_key]

    @multi_asset_check(name=named(settings, CHECK), specs=specs, can_subset=True, config_schema={})
    def on_time(context: AssetCheckExecutionContext) -> Iterator[AssetCheckResult]:
        words = {each.flow: each.words for each in report(settings, clock.now()).flows}
        for key in sorted(check.asset_key for check in context.selected_asset_check_keys):
            yield _result(key, words[by_key[key]])

    return on_time


def _result(key: AssetKey, words: str) -> AssetCheckResult:
    return AssetCheckResult(
        asset_key=key, check_name=CHECK, passed=not words, severity=AssetCheckSeverity.WARN, description=_told(words)
    )


def synced(settings: Settings, flow: str) -> AssetKey:
    """The last layer of a flow, which the check is about."""
    return key_of(settings, "synced", flow)


def _told(words: str) -> str:
    return f"LATE: {words}" if words else "On time."


def _evaluation(settings: Settings, flow: str, words: str) -> AssetCheckEvaluation:
    return AssetCheckEvaluation(
        asset_key=synced(settings, flow),
        check_name=CHECK,
        passed=not words,
        severity=AssetCheckSeverity.WARN,
        description=_told(words),
    )


def _flushed(settings: Settings) -> tuple[str, Gathered]:
    """What became of the alerts, for the sensor's list of ticks, and what is wrong. Both come from one look."""
    try:
        done = flush(settings)
        words = _words(done)
    except WinbcError as error:  # the next tick tries again
        done, words = Flushed(), f"Alerts cannot be sent: {error}"
    every = [ConnectedFlow(flow, settings) for flow in FLOWS]
    return words, done.gathered or gather(every, (), clock.now())


def _words(done: Flushed) -> str:
    if done.waiting:
        return f"{done.waiting} alerts wait: no channel takes them. `winbc alerts test` tries each."
    return f"Sent: {'; '.join(done.sent)}" if done.sent else "Nothing to tell."
