"""The five steps of the set-up, in their order. Each can be taken again: what is there is the default."""

from collections.abc import Callable
from dataclasses import dataclass

from ..errors import ConfigurationError
from .choices import ask_choices
from .credentials import ask_credentials
from .directions import ask_directions
from .questions import Choice, Question
from .review import review
from .sitting import Sitting
from .systems import ask_systems


@dataclass(frozen=True)
class Step:
    """One step. `is_done` says whether its answers are there."""

    title: str
    take: Callable[[Sitting], None]
    is_done: Callable[[Sitting], bool]


STEPS = (
    Step("The two systems", ask_systems, lambda s: bool(s.settings.bc.base_url and s.settings.winstore.base_url)),
    Step("Who signs in", ask_credentials, lambda s: bool(s.settings.bc.company)),
    Step("What goes which way", ask_directions, lambda s: s.file.get("safe_mode") is not None),
    Step("What only you can decide", ask_choices, lambda s: s.settings.mapping_folder.exists()),
    Step("Review", review, lambda _: False),
)


def set_up(sitting: Sitting, first: int | None) -> None:
    """Takes the steps from one on.

    Args:
        first: its number; None to ask, where some steps are done already.
    Raises: ConfigurationError for a step that needs an earlier one.
    """
    begin = first or _asked(sitting)
    missing = next((number for number, step in enumerate(STEPS[: begin - 1], 1) if not step.is_done(sitting)), None)
    if missing:
        raise ConfigurationError(f"Step {begin} needs step {missing}.", f"Begin with `--step {missing}`.")
    for number, step in enumerate(STEPS[begin - 1 :], begin):
        sitting.desk.say(f"\nStep {number} of {len(STEPS)}: {step.title}")
        step.take(sitting)


def _asked(sitting: Sitting) -> int:
    """The step to begin with: the first one whose answers are not there, if the person wants no other."""
    done = [step.is_done(sitting) for step in STEPS]
    if not done[0]:
        return 1
    choices = [Choice(str(number), step.title) for number, step in enumerate(STEPS, 1)]
    text = "Some steps are done. Where do you want to go on?"
    return int(sitting.desk.ask(Question("init.step", text, str(done.index(False) + 1), choices)))
