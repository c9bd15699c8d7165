"""Pages of a source on disk, on their way into the database: a thread fetches them while others are loaded.

Here belongs: how many pages are loaded at once, and when. What is in them belongs to load.py.
"""

import shutil
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

PAGES = "pages-"  # begins the names of folders of pages
LEFT_BEHIND_S = 3600  # a folder of pages that is older belongs to a run that was killed
CHUNK_BYTES = 112 * 2**20  # about one row group of DuckDB (122,880 rows) of records of 1 KB
COMMIT_S = 20  # pages wait no longer for others, so that with the time of loading at most 30 s are fetched again


@dataclass(frozen=True)
class Chunk:
    """Files of pages that are loaded in one transaction.

    Attributes:
        pages: how many pages the source has given up to here; those without records have no file.
    """

    files: list[Path]
    pages: int


class Spool:
    """Pages that were fetched and are not loaded yet.

    Args:
        folder: where the files are written.
        seconds: a clock that only goes forward.
    """

    def __init__(self, folder: Path, seconds: Callable[[], float] = time.monotonic) -> None:
        self.folder, self.seconds = folder, seconds
        self.taken = seconds()  # when the last chunk was handed over to be loaded
        self.changed = threading.Condition()
        self.files: list[Path] = []
        self.size = self.pages = 0
        self.ended = self.stopped = False
        self.error: BaseException | None = None

    def chunks(self, pages: Iterable[bytes]) -> Iterator[Chunk]:
        """Yields the pages in chunks: when one is full, when COMMIT_S have passed since the last one, and at the end.

        Raises what the source has raised, once the pages before it were yielded.
        """
        threading.Thread(target=self._fetch, args=(pages,), daemon=True).start()
        try:
            while (chunk := self._next()).files:
                yield chunk
        finally:
            with self.changed:
                self.stopped = True
                self.changed.notify_all()
        if self.error:
            raise self.error

    def _next(self) -> Chunk:
        """The next chunk; one without files when there are no more pages."""
        with self.changed:
            while not self.ended and self.size < CHUNK_BYTES:
                remaining = self.taken + COMMIT_S - self.seconds()
                if self.files and remaining <= 0:
                    break
                self.changed.wait(remaining if self.files else None)
            chunk = Chunk(self.files, self.pages)
            self.files, self.size, self.taken = [], 0, self.seconds()
            self.changed.notify_all()
            return chunk

    def _fetch(self, pages: Iterable[bytes]) -> None:
        try:
            for page in pages:
                if not self._put(page):
                    return
        except BaseException as error:  # noqa: BLE001 - raised again in `chunks`
            self.error = error
        with self.changed:
            self.ended = True
            self.changed.notify_all()

    def _put(self, page: bytes) -> bool:
        """Adds a page once there is room for it. False when nobody reads any more."""
        # The length comes first, so that large pages are not copied.
        is_empty = len(page) < 16 and page.strip() in (b"", b"[]")
        with self.changed:
            self.changed.wait_for(lambda: self.stopped or self.size < CHUNK_BYTES)
            number = self.pages
        if self.stopped:
            return False
        file = self.folder / f"{number}.json"
        if not is_empty:
            file.write_bytes(page)
        with self.changed:
            self.pages += 1
            self.size += 0 if is_empty else len(page)
            self.files += [] if is_empty else [file]
            self.changed.notify_all()
        return True


def remove_leftovers(folder: Path) -> None:
    """Deletes pages that a killed run has left behind in a folder of databases, because they hold people's data."""
    for left in folder.glob(f"{PAGES}*"):
        if time.time() - left.stat().st_mtime > LEFT_BEHIND_S:
            shutil.rmtree(left, ignore_errors=True)
