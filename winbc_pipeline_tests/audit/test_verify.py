"""Each way to alter the log of acts is found. Source: docs/privacy.md, Who did what."""

import shutil
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from winbc_pipeline import audit
from winbc_pipeline.audit.log import HEAD, LOG, Entry, line_of, sealed
from winbc_pipeline.settings import Settings
from winbc_pipeline.staging.people.installation_key import KEY_FILE

FLOW = "orders_winstore_to_bc"
Lines = list[bytes]


def filled(folder: Path) -> Settings:
    """Six acts."""
    settings = Settings(data_folder=folder)
    for number in range(6):
        audit.record(settings, "retry" if number % 2 else "approve", FLOW, [f"W{number}"], who=f"os:user{number}")
    return settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return filled(tmp_path / "own")


def with_value(place: int, **values: object) -> Callable[[Lines], Lines]:
    """An entry with another value, as somebody writes it who knows the form of the file."""

    def alter(lines: Lines) -> Lines:
        changed = orjson.dumps(orjson.loads(lines[place]) | values)
        return [changed if number == place else line for number, line in enumerate(lines)]

    return alter


def sealed_without_the_key(lines: Lines) -> Lines:
    """An entry too many at the end, sealed with a key of the writer's own."""
    last = orjson.loads(lines[-1])
    entry = Entry(**last | {"number": 7, "who": "os:other", "records": tuple(last["records"])})
    return [*lines, line_of(sealed("another key", entry, last["seal"]))]


ALTERATIONS: dict[str, Callable[[Lines], Lines]] = {
    "another user": with_value(2, who="os:other"),
    "another act": with_value(2, act="show"),
    "another moment": with_value(0, at="2020-01-01T00:00:00+00:00"),
    "another subject": with_value(4, subject="products_winstore_to_bc"),
    "another record": with_value(3, records=["0000000000000000"]),
    "another count": with_value(3, count=9),
    "another number": with_value(5, number=60),
    "another seal": with_value(5, seal="0" * 64),
    "a field too many": with_value(1, note="seen"),
    "another spelling of the same": lambda lines: [lines[0].replace(b",", b", "), *lines[1:]],
    "the first removed": lambda lines: lines[1:],
    "one in the middle removed": lambda lines: lines[:2] + lines[3:],
    "the last removed": lambda lines: lines[:-1],
    "the last three removed": lambda lines: lines[:-3],
    "all removed": lambda _: [],
    "two exchanged": lambda lines: [lines[0], lines[2], lines[1], *lines[3:]],
    "in the other order": lambda lines: lines[::-1],
    "one twice": lambda lines: [*lines[:3], *lines[2:]],
    "an empty line": lambda lines: [*lines[:3], b"", *lines[3:]],
    "one put in at the end": sealed_without_the_key,
}


@pytest.mark.parametrize("alter", ALTERATIONS.values(), ids=ALTERATIONS)
def test_an_altered_log_is_found(settings: Settings, alter: Callable[[Lines], Lines]) -> None:
    assert audit.verify(settings).problems == []
    path = settings.state_folder / LOG
    path.write_bytes(b"".join(line + b"\n" for line in alter(path.read_bytes().splitlines())))
    assert audit.verify(settings).problems


def cut_in_the_last_line(settings: Settings, _: Path) -> None:
    path = settings.state_folder / LOG
    path.write_bytes(path.read_bytes()[:-20])


def without_the_log(settings: Settings, _: Path) -> None:
    (settings.state_folder / LOG).unlink()


def without_the_head(settings: Settings, _: Path) -> None:
    """Together with the last entry, of which the head tells."""
    (settings.state_folder / HEAD).unlink()
    path = settings.state_folder / LOG
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))


def with_a_head_of_ones_own(settings: Settings, _: Path) -> None:
    """The head of an earlier entry, made without the key, and the log cut there."""
    path = settings.state_folder / LOG
    kept = path.read_bytes().splitlines()[:3]
    path.write_bytes(b"".join(line + b"\n" for line in kept))
    (settings.state_folder / HEAD).write_text(f"3 {orjson.loads(kept[-1])['seal']} {'0' * 64}")


def of_another_connection(settings: Settings, folder: Path) -> None:
    for name in (LOG, HEAD):
        shutil.copy(filled(folder / "other").state_folder / name, settings.state_folder / name)


def with_another_key(settings: Settings, _: Path) -> None:
    (settings.state_folder / KEY_FILE).write_text("0" * 64)


@pytest.mark.parametrize(
    "alter",
    [
        cut_in_the_last_line,
        without_the_log,
        without_the_head,
        with_a_head_of_ones_own,
        of_another_connection,
        with_another_key,
    ],
)
def test_altered_files_are_found(settings: Settings, tmp_path: Path, alter: Callable[[Settings, Path], None]) -> None:
    alter(settings, tmp_path)
    assert audit.verify(settings).problems


def test_what_was_removed_stays_found_after_further_acts(settings: Settings) -> None:
    path = settings.state_folder / LOG
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-2]))
    audit.record(settings, "approve", FLOW)
    assert audit.verify(settings).problems


def test_both_files_as_they_once_were_are_found_only_by_what_was_noted(settings: Settings) -> None:
    """The limit: without a note that is kept elsewhere, an older pair of files is whole."""
    once = {name: (settings.state_folder / name).read_bytes() for name in (LOG, HEAD)}
    audit.record(settings, "erase", "a person")
    noted = audit.verify(settings).last
    for name, content in once.items():
        (settings.state_folder / name).write_bytes(content)
    assert audit.verify(settings).problems == []
    assert audit.verify(settings, noted).problems == ["audit.log does not have the entry that was noted (7)."]
