"""One sitting of the set-up: the desk where it is answered, the files, and the settings as they are by now."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pydantic import SecretStr

from ..errors import WinbcError
from ..settings import Settings, load_settings
from .files import SettingsFile, put_secret
from .questions import Desk, Question


@dataclass
class Sitting:
    """A person's turn at the set-up.

    Attributes:
        problems: in words, what was tried and did not work. The review repeats them.
    """

    desk: Desk
    file: SettingsFile = field(default_factory=SettingsFile)
    problems: dict[str, str] = field(default_factory=dict)

    @property
    def settings(self) -> Settings:
        """The settings of the working folder as they are now; raises ConfigurationError for a wrong one."""
        return load_settings()

    def ask(self, question: Question, convert: Callable[[str], Any] = str) -> str:
        """Asks, and writes the answer to where it belongs. What is answered is kept, whenever the sitting ends.

        Args:
            convert: makes the value of the setting of an answer.
        """
        answer = self.desk.ask(question)
        if question.name.startswith("init."):
            return answer
        self.file.put(question.name, convert(answer) if answer else None)
        self._check_wins(question.name, answer)
        return answer

    def ask_secret(self, name: str, text: str, present: SecretStr) -> None:
        """Asks for a secret, and writes it to `.env`. No answer keeps the one that is there, wherever it is from.

        Raises: ConfigurationError when there is none.
        """
        kept = present.get_secret_value()
        words = f"{text} (Enter keeps the one that is there)" if kept else text
        answer = self.desk.ask(Question(name, words, optional=bool(kept), secret=True)) or kept
        put_secret(variable_of(name), answer)

    def _check_wins(self, name: str, answer: str) -> None:
        """Says so when a variable of the environment or of `.env` has another value: it wins over winbc.toml."""
        value: Any = self.settings
        for part in name.split("."):
            value = getattr(value, part)
        present = ",".join(value) if isinstance(value, tuple) else str(value)
        typed = answer.replace(" ", "") if isinstance(value, tuple) else answer
        if answer and present != typed:
            words = f"{variable_of(name)} is set in the environment or in .env, and wins over winbc.toml"
            self.problems[name] = words
            self.desk.say(f"{words}: {name} stays {present}.")

    def try_out(self, what: str, work: Callable[[], str]) -> bool:
        """Tries something, and shows what came of it; returns whether it worked."""
        try:
            found = work()
        except WinbcError as error:
            self.note(what, error)
            return False
        self.problems.pop(what, None)
        self.desk.tried(what, found, None)
        return True

    def note(self, what: str, error: WinbcError) -> None:
        """Shows that something did not work, and keeps it for the review."""
        self.problems[what] = str(error)
        self.desk.tried(what, "", error)

    def until_right(self, ask: Callable[[], None], works: Callable[[], bool]) -> bool:
        """Asks and tries until it works, or until the person goes on without; returns whether it works."""
        while True:
            ask()
            if works():
                return True
            if not self.desk.again():
                return False


def variable_of(name: str) -> str:
    """The variable of the environment of a setting."""
    return f"WINBC_{name.upper().replace('.', '__')}"
