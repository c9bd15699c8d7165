"""Whether the log of acts is as it was written.

Every entry has the keyed seal of itself and of the one before it, so an entry that was changed, removed, moved or put
in is found, and the head, a second file, tells what is missing at the end. What this cannot find: what somebody does
who can read the key of the installation, and both files put back together as they were once. Who noted the last line of
`winbc audit verify` elsewhere finds that, too (`--last`).
"""

from collections.abc import Iterator
from dataclasses import dataclass

from ..settings import Settings
from ..staging.people.installation_key import key_in
from .log import HEAD, LOG, Entry, entry_of, line_of, lines, read_head, sealed


@dataclass(frozen=True)
class Verified:
    """What was found.

    Attributes:
        entries: how many entries are as they were written, from the first one on.
        last: the number and the seal of the last one of them, such as `12 3f…`; empty without any.
        problems: what is wrong, each in words.
    """

    entries: int
    last: str
    problems: list[str]


def verify(settings: Settings, noted: str = "") -> Verified:
    """Looks at every entry of a connection's log.

    Args:
        noted: what `last` was earlier, as somebody noted it elsewhere.
    """
    folder = settings.state_folder
    key, there = key_in(folder), lines(folder)
    whole, problem = _unbroken(key, there)
    problems = [problem] if problem else []
    problems += _of_the_end(key, settings, whole)
    last = f"{whole[-1].number} {whole[-1].seal}" if whole else ""
    if noted and noted.strip() not in (f"{each.number} {each.seal}" for each in whole):
        problems.append(f"{LOG} does not have the entry that was noted ({noted.split(' ')[0]}).")
    return Verified(len(whole), last, problems)


def _unbroken(key: str, there: list[bytes]) -> tuple[list[Entry], str]:
    """The entries up to the first one that is not as it was written, and what is wrong with that one."""
    whole: list[Entry] = []
    before = ""
    for place, line in enumerate(there, 1):
        entry = entry_of(line)
        if entry is None or line_of(entry) != line:
            return whole, f"{LOG}, line {place}: it is no entry as winbc writes them."
        if sealed(key, entry, before).seal != entry.seal:
            return whole, f"{LOG}, line {place}: it was changed, or what stood before it was changed, removed or moved."
        if entry.number != place:
            return whole, f"{LOG}, line {place}: it has number {entry.number}."
        whole.append(entry)
        before = entry.seal
    return whole, ""


def _of_the_end(key: str, settings: Settings, whole: list[Entry]) -> Iterator[str]:
    folder = settings.state_folder
    head = read_head(folder, key)
    there = {each.number: each.seal for each in whole}
    if not _ends_whole(settings):
        yield f"{LOG} ends in half a line: a command was killed while it wrote, or somebody else wrote there."
    if head is None:
        if (folder / LOG).exists() or (folder / HEAD).exists():
            yield f"{HEAD} is missing, or this key has not made it: the end of {LOG} may be missing, too."
        return
    number, seal = head
    if there.get(number) != seal:
        yield f"{LOG} ends before entry {number}, the last one that was written."
    elif len(whole) > number + 1:  # a kill leaves one entry that the head does not know
        yield f"{HEAD} is older than {LOG}: it was put back."


def _ends_whole(settings: Settings) -> bool:
    try:
        return (settings.state_folder / LOG).read_bytes().endswith(b"\n")
    except FileNotFoundError:
        return True
