"""Whether this process waits for an answer over the network, for those who must hold nothing meanwhile."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_before: list[Callable[[], None]] = []
_lock = threading.Lock()
_calls = 0


def before_calls(let_go: Callable[[], None]) -> None:
    """Has a function called before each call over the network that this process makes."""
    _before.append(let_go)


def is_calling() -> bool:
    """Whether a thread of this process waits for an answer."""
    return _calls > 0


@contextmanager
def calling() -> Iterator[None]:
    """A call over the network, until the block ends."""
    global _calls
    with _lock:
        _calls += 1
    try:
        for let_go in _before:
            let_go()
        yield
    finally:
        with _lock:
            _calls -= 1
