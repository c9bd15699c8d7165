"""A question of the set-up, and who answers it: a person at a terminal, or a file of answers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ..errors import WinbcError


@dataclass(frozen=True)
class Choice:
    """One answer that can be chosen. `words` says what it means."""

    value: str
    words: str = ""


def _anything(_: str) -> str:
    return ""


@dataclass(frozen=True)
class Question:
    """One question.

    Attributes:
        name: the setting that the answer becomes, such as `bc.company`; `init.…` for an answer that is no setting. It
            is the name of the answer in a file of answers, too.
        text: the question, for people.
        default: the answer of who only presses Enter: what is there, or what is usual. None when there is none.
        choices: answers that can be chosen by their number.
        free: whether other answers than the choices are taken.
        secret: whether the answer is not shown. It has no default.
        optional: whether the empty answer is one.
        wrong: gives why an answer is not taken, in words; empty when it is.
    """

    name: str
    text: str
    default: str | None = None
    choices: Sequence[Choice] = ()
    free: bool = False
    secret: bool = False
    optional: bool = False
    wrong: Callable[[str], str] = field(default=_anything)

    def problem(self, answer: str) -> str:
        """Why an answer is not taken, in words; empty when it is taken."""
        if not answer:
            return "" if self.optional else "an answer is needed"
        values = [each.value for each in self.choices]
        if values and not self.free and answer not in values:
            return f"it is one of {', '.join(values)}"
        return self.wrong(answer)


class Desk(Protocol):
    """Where the questions are answered."""

    def ask(self, question: Question) -> str:
        """The answer to a question; the empty text where the question is optional."""

    def say(self, words: str) -> None:
        """Shows words to a person."""

    def tried(self, what: str, found: str, problem: WinbcError | None) -> None:
        """Shows what a try has found, or why it failed."""

    def again(self) -> bool:
        """Whether a person wants to correct what failed and try again. False: go on, and mend it later."""


def yes_no(name: str, text: str, default: bool, *, words: tuple[str, str] = ("", "")) -> Question:
    """A question that is answered by `yes` or `no`.

    Args:
        words: what each of them means.
    """
    choices = (Choice("yes", words[0]), Choice("no", words[1]))
    return Question(name, text, "yes" if default else "no", choices)
