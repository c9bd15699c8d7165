"""Who answers the questions of `winbc init`: a person at the terminal, or a file."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer
from rich.console import Console

from ...errors import ConfigurationError, WinbcError
from ...settings import SECRETS
from ...setup.questions import Question
from ...setup.sitting import variable_of
from ...workbench.rights import NOT_TRIED
from ..output import say

NONE = "-"  # what a person types for no answer, where there is a default
SHORT = {"y": "yes", "n": "no"}
SHOWN = 20  # choices of a question


class _Printed:
    """What both desks show."""

    def __init__(self, console: Console) -> None:
        self.console = console

    def say(self, words: str) -> None:
        say(self.console, words)

    def tried(self, what: str, found: str, problem: WinbcError | None) -> None:
        if problem:
            say(self.console, ("problem ", "red"), f"{what}: {problem}")
        elif found.startswith(NOT_TRIED):
            say(self.console, ("?       ", "yellow"), f"{what}: {found}")
        else:
            say(self.console, ("ok      ", "green"), f"{what}: {found}")


class Terminal(_Printed):
    """A person types. A choice is taken by its number or by its value."""

    def ask(self, question: Question) -> str:
        self._show(question)
        while True:
            answer = self._typed(question)
            problem = question.problem(answer)
            if not problem:
                return answer
            say(self.console, (f"{problem}.", "red"))

    def again(self) -> bool:
        return typer.confirm("Correct it and try again? No: go on, and mend it later", default=True)

    def _show(self, question: Question) -> None:
        for number, choice in enumerate(question.choices[:SHOWN], 1):
            words = f"  ({choice.words})" if choice.words else ""
            is_number = choice.value == str(number)
            say(self.console, f"  {number}. {choice.words if is_number else choice.value + words}")
        if len(question.choices) > SHOWN:
            say(self.console, f"  … and {len(question.choices) - SHOWN} more; type the value.")

    def _typed(self, question: Question) -> str:
        if question.secret:
            return str(typer.prompt(question.text, default="", hide_input=True, show_default=False)).strip()
        none = f" ({NONE} for none)" if question.optional else ""
        typed = str(typer.prompt(f"{question.text}{none}", default=question.default or "", show_default=True)).strip()
        if typed == NONE and question.optional:
            return ""
        values = [choice.value for choice in question.choices]
        if values == list(SHORT.values()):
            typed = SHORT.get(typed.lower(), typed)
        is_place = typed.isdigit() and typed not in values and 0 < int(typed) <= len(values)
        return values[int(typed) - 1] if is_place else typed


class AnswersFile(_Printed):
    """A TOML file answers, by the names of the settings; for a question that it does not answer, the default counts.

    Secrets are not in it: they come from the environment or from `.env`.
    """

    def __init__(self, console: Console, path: Path) -> None:
        super().__init__(console)
        self.path, self.answers = path, dict(_flat(_content(path)))
        self.unused = set(self.answers)
        for name in self.answers:
            if name.rpartition(".")[2] in SECRETS:
                hint = f"Set {variable_of(name)} in the environment or in .env, and delete it there."
                raise ConfigurationError(f"{path}: {name} is a secret.", hint)

    def ask(self, question: Question) -> str:
        self.unused.discard(question.name)
        answer = self.answers.get(question.name, question.default or "")
        problem = question.problem(answer)
        if problem and question.secret:
            raise ConfigurationError(f"{question.name} is not set.", f"Set {variable_of(question.name)} first.")
        if problem:
            raise ConfigurationError(f"{self.path}: {question.name} = {answer!r}: {problem}.", question.text)
        if not question.secret:
            say(self.console, f"{question.name}: {answer or 'none'}")
        return answer

    def again(self) -> bool:
        return False


def _content(path: Path) -> Mapping[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: {error}.", "It is a TOML file in UTF-8.") from None


def _flat(content: Mapping[str, Any], before: str = "") -> list[tuple[str, str]]:
    """The answers by their dotted names, as a person would type them."""
    found: list[tuple[str, str]] = []
    for name, value in content.items():
        if isinstance(value, Mapping):
            found += _flat(value, f"{before}{name}.")
        else:
            found.append((f"{before}{name}", _as_typed(value)))
    return found


def _as_typed(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
