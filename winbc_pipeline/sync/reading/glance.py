"""Asks a source whether anything changed: for all its flows at once, by calls that read little.

Here belongs: the calls, and what their answers mean. How often they are made: orchestration/following/watch.py.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from weakref import WeakSet

from ... import clock
from ...errors import UnreadableAnswer, WinbcError
from ...settings import Settings
from ...staging.row_versions import Read, last_read
from ...systems.business_central import BusinessCentral, Operation, Result
from ...systems.business_central.companion import companion_of
from ...systems.winstore import Winstore
from ..connected import ConnectedFlow
from . import read_bc, row_versions

GLANCE_S = 2  # the longest time that an answer is waited for
SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Change:
    """That something changed since a moment.

    Attributes:
        newest: the newest modification moment; None when more changed than was looked at, when no moment tells it, or
            when there was no answer in time.
        oldest: the day (UTC) of the oldest change, or an earlier one.
    """

    newest: datetime | None
    oldest: date


@dataclass(frozen=True, eq=False)
class Question:
    """Whether anything of a flow's source changed after the watermark.

    Attributes:
        unread: paths of records that nobody has read, whatever their moments say (Reading.unread).
        seen: the newest change that somebody takes care of already; what is not newer is no change.
        read: what was read by row versions; None without the companion app.
    """

    connected: ConnectedFlow
    followed: datetime
    unread: Sequence[str] = ()
    seen: datetime | None = None
    read: Read | None = None

    @classmethod
    def about(cls, connected: ConnectedFlow, followed: datetime, wait_s: float | None = None) -> "Question":
        """The question of a flow, with what its database says is unread.

        Args:
            wait_s: seconds to wait for the database; None: as the store says.
        Raises: StoreBusy.
        """
        reading = connected.flow.reading
        if not reading:
            return cls(connected, followed)
        read = last_read(connected.store, connected.staging.name, wait_s)
        return cls(connected, followed, reading.unread(connected.store), read=read)

    @property
    def unknown(self) -> Change:
        """The answer where there is none in time: something may have changed since the watermark."""
        return Change(None, self.followed.date())

    def answer(self, moments: "Moments") -> Change | None:
        """The answer, from modification moments that hold the oldest and the newest."""
        told = [moment for moment in moments if moment]
        if told and max(told) > self.followed:
            return Change(max(told), min(told).date()) if max(told) > (self.seen or self.followed) else None
        return self.unknown if None in moments else None


Answer = Change | WinbcError | None
"""None: nothing changed. An error is that of one flow; the others have their answers."""
Moments = Sequence[datetime | None]  # None: of a record whose moment says nothing
Ends = list[datetime | None] | WinbcError


class Glance:
    """Questions to one source system, with one client and one token for all of them.

    Args:
        source: winstore or bc.
    """

    def __init__(self, source: str, settings: Settings) -> None:
        # A call that nobody waits for any more ends by itself soon after.
        short = settings.model_copy(update={"timeout_s": 2 * GLANCE_S})
        self.client = BusinessCentral(short, tries=1) if source == "bc" else Winstore(short, tries=1)
        self.looked_for_late: WeakSet[Question] = WeakSet()
        self.settings = short

    def close(self) -> None:
        self.client.close()

    def ping(self) -> None:
        """Asks whether the system is there, by one small call. Raises WinbcError when it is not."""
        if isinstance(self.client, BusinessCentral):
            self.client.get("unitsOfMeasure?$top=1&$select=id")
        else:
            self.client.few_changes("articles", clock.now())

    def together(self, questions: Sequence[Question]) -> list[list[Question]]:
        """The questions by call: all together to Business Central, by entity and second to Winstore."""
        calls: dict[object, list[Question]] = defaultdict(list)
        for each in questions:
            is_bc = isinstance(self.client, BusinessCentral)
            calls[None if is_bc else (each.connected.flow.entity, _since(each))].append(each)
        return list(calls.values())

    def ask(self, questions: Sequence[Question]) -> list[Answer]:
        """The answers to the questions of one call, in their order."""
        try:
            if isinstance(self.client, BusinessCentral):
                answers = _in_bc(self.client, questions)
                return [
                    self._late(question) if answer is None else answer
                    for question, answer in zip(questions, answers, strict=True)
                ]
            return _in_winstore(self.client, questions)
        except WinbcError as error:
            return [error] * len(questions)

    def _late(self, question: Question) -> Change | None:
        """What was committed late, as row versions tell it: moments do not. Looked for once for each question."""
        reading, client = question.connected.flow.reading, self.client
        is_new = question not in self.looked_for_late
        if not is_new or not reading or not question.read or not isinstance(client, BusinessCentral):
            return None
        self.looked_for_late.add(question)
        try:
            companion = companion_of(client, self.settings)
            logs = row_versions.logs_of(reading, self.settings)
            late = row_versions.late(companion.client, logs, question.read) if companion else {}
            found = _of_the_flow(client, reading.sets(self.settings), late)
        except WinbcError:  # the app went, or a right; what is late is read when the app is back
            return None
        return Change(None, min(found).date()) if found else None


def change_since(connected: ConnectedFlow, followed: datetime) -> Change | None:
    """What changed in one flow's source after a moment. Raises WinbcError."""
    glance = Glance(connected.flow.source, connected.settings)
    try:
        (answer,) = glance.ask([Question.about(connected, followed)])
    finally:
        glance.close()
    if isinstance(answer, WinbcError):
        raise answer
    return answer


def _of_the_flow(client: BusinessCentral, sets: Mapping[str, str], late: Mapping[str, datetime]) -> list[datetime]:
    """The moments of late changes that may be of records that the flow reads: the app tells those of all records."""
    paths = {
        name: read_bc.end_paths({name: sets[name]}, moment - SECOND, "asc")[0]
        for name, moment in late.items()
        if sets[name]
    }
    results = client.batch([Operation(name, "GET", path) for name, path in paths.items()]) if paths else []
    others = {name for name, result in zip(paths, results, strict=True) if not read_bc.moments_in(result)}
    return [moment for name, moment in late.items() if name not in others]


def _in_winstore(source: Winstore, questions: Sequence[Question]) -> list[Answer]:
    """By one call, for questions about the same entity and second."""
    entity = questions[0].connected.flow.entity
    rows = source.few_changes(entity, _since(questions[0]))
    if rows is None:
        return [each.unknown for each in questions]
    modified = source.profile.entity(entity).modified
    moments = [moment for row in rows if (moment := clock.moment_of(row.get(modified)))]
    return [each.answer(moments) for each in questions]


def _since(question: Question) -> datetime:
    """Winstore is asked in whole seconds.

    The watermark's own second is over for good (see watermark.py), so the question begins with the next one, and what
    was read before is not transferred again.
    """
    return question.followed.replace(microsecond=0) + SECOND


def _in_bc(source: BusinessCentral, questions: Sequence[Question]) -> list[Answer]:
    """By one call, and a second one for those where something changed: it asks for the oldest of what changed."""
    answers = _ends(source, questions, "desc")
    first = [_answer(question, ends) for question, ends in zip(questions, answers, strict=True)]
    changed = [number for number, answer in enumerate(first) if isinstance(answer, Change) and answer.newest]
    oldest = _ends(source, [questions[number] for number in changed], "asc")
    for number, ends in zip(changed, oldest, strict=True):
        first[number] = _answer(questions[number], _both(answers[number], ends))
    return first


def _both(some: Ends, others: Ends) -> Ends:
    return some if isinstance(some, WinbcError) else others if isinstance(others, WinbcError) else [*some, *others]


def _answer(question: Question, ends: Ends) -> Answer:
    return ends if isinstance(ends, WinbcError) else question.answer(ends)


def _ends(source: BusinessCentral, questions: Sequence[Question], order: str) -> list[Ends]:
    """For each question the moments of one record of each of its entity sets; an error where a set has no answer."""
    asked = [_paths(question, order) for question in questions]
    operations = [
        Operation(str(number), "GET", path) for number, path in enumerate(path for paths in asked for path in paths)
    ]
    results = iter(source.batch(operations) if operations else [])
    return [_moments([next(results) for _ in paths]) for paths in asked]


def _paths(question: Question, order: str) -> list[str]:
    reading, settings = question.connected.flow.reading, question.connected.settings
    return [*read_bc.end_paths(reading.sets(settings), question.followed, order), *question.unread] if reading else []


def _moments(results: Sequence[Result]) -> Ends:
    try:
        return [moment for result in results for moment in read_bc.moments_in(result)]
    except UnreadableAnswer as error:
        return error
