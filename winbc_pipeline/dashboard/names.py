"""What codes are called on a page: flows by their names, reasons by their cause and what to do."""

from dataclasses import dataclass

from ..flows import FLOWS
from .words import Words


@dataclass(frozen=True)
class Reason:
    """A reason code in words; both are empty for a code that is not explained."""

    cause: str = ""
    fix: str = ""


@dataclass(frozen=True)
class Names:
    """The names in the language of a page."""

    words: Words

    def flow(self, flow_id: str) -> str:
        """The name of a flow, such as `Orders, Winstore to Business Central`; the id itself where there is no such."""
        flow = next((each for each in FLOWS if each.id == flow_id), None)
        if flow is None:
            return flow_id
        name, source, target = (
            self.words(f"activity.{each}") for each in (f"flow_{flow.name}", flow.source, flow.target)
        )
        return self.words("shell.flow", name=name, source=source, target=target)

    def reason(self, code: str | None) -> Reason:
        """What a reason code means and what to do."""
        name = f"reasons.{code}.cause"
        return Reason(self.words(name), self.words(f"reasons.{code}.fix")) if self.words.has(name) else Reason()
