"""What a comparison finds, and what that means."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from ...staging.store import Row

SAME, LEFT = "same", "left"
"""Both sides agree; or a rule says that the target keeps what it has, or gets nothing."""
MISSING_RIGHT, DIFFERENT, HELD = "missing_right", "different", "held"
MISSING_LEFT, ONLY_IN_TARGET = "missing_left", "only_in_target"
KINDS: Mapping[str, str] = {
    MISSING_RIGHT: "only in the source: the target lacks it",
    DIFFERENT: "different in a field",
    HELD: "not to be compared: the message says why",
    MISSING_LEFT: "only in the target, and it came from the source once",
    ONLY_IN_TARGET: "only in the target: its own",
}
COUNTS = (MISSING_RIGHT, DIFFERENT, HELD, MISSING_LEFT)
"""The kinds by which the two systems do not agree. Records of the target's own are none of the flow's business."""

NAMED = 10  # records in a text


@dataclass(frozen=True)
class Finding:
    """One record on which both systems do not agree.

    Attributes:
        kind: a name of KINDS.
        key: the record's key in the source; its id in the target when the source does not have it.
        number: its number in the target; empty when nobody knows it.
        reason, message: why, as a reason code and in words (sync/outcomes.py); may be empty.
        changes: fields with the target's value (`old`) and the one that the source's record maps to (`new`).
        target_id: the record's id in the target, where the target has it or had it.
        window, version: of the source's record that was compared; None where the source has none.
    """

    part: str
    kind: str
    key: str
    number: str = ""
    reason: str = ""
    message: str = ""
    changes: tuple[dict[str, Any], ...] = ()
    target_id: str = ""
    window: date | None = None
    version: str = ""

    @property
    def fields(self) -> frozenset[str]:
        return frozenset(each["field"] for each in self.changes)


def finding_of(row: Row) -> Finding:
    """A finding from the row that keeps it (scratch.COMPARED)."""
    texts = {name: row[name] or "" for name in ("number", "reason", "message", "target_id", "version")}
    changes = tuple(json.loads(row["changes"] or "[]", parse_float=Decimal))
    return Finding(part=row["part"], kind=row["kind"], key=row["key"], changes=changes, window=row["window"], **texts)


@dataclass(frozen=True)
class Reconciled:
    """What a whole comparison came to.

    Attributes:
        began, ended: its moments (UTC). Both systems may change meanwhile: what differed was looked at twice.
        calls: how many calls it made, to both systems together, in its last stretch.
        compared: how many records of the source were looked at, by part.
        left: how many of them a rule leaves as they are, by reason code.
        findings: the records on which both do not agree.
    """

    flow: str
    began: datetime
    ended: datetime
    calls: int
    compared: Mapping[str, int]
    left: Mapping[str, int]
    findings: tuple[Finding, ...] = field(default=())

    @property
    def agrees(self) -> bool:
        """Whether nothing counts as a difference (COUNTS)."""
        return not any(each.kind in COUNTS for each in self.findings)

    @property
    def counts(self) -> dict[str, int]:
        """How many findings there are of each kind."""
        found = Counter(each.kind for each in self.findings)
        return {kind: found[kind] for kind in KINDS}

    @property
    def figures(self) -> Mapping[str, int | str]:
        """All counts, each with a name."""
        looked_at = {f"{part}_compared": count for part, count in self.compared.items()}
        return {**looked_at, **self.counts, "left_by_a_rule": sum(self.left.values()), "calls": self.calls}

    @property
    def in_words(self) -> str:
        """How many records differ, and the keys of the first of them."""
        differing = self.of_kind(*COUNTS)
        if not differing:
            return "both systems agree"
        counts = ", ".join(f"{self.counts[kind]} {kind}" for kind in COUNTS if self.counts[kind])
        more = ", …" if len(differing) > NAMED else ""
        return f"{counts} ({', '.join(each.number or each.key for each in differing[:NAMED])}{more})"

    def of_kind(self, *kinds: str) -> list[Finding]:
        return [each for each in self.findings if each.kind in kinds]
