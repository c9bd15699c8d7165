"""How stock is sent: as other records are, but what moved meanwhile is read again in the source before it is planned.

Winstore as a target keeps a copy of its figures (winstore_stock.py).
"""

from dataclasses import replace
from functools import partial

from ... import clock
from ..map import map_windows
from ..records import SENDING
from ..records import TO_WINSTORE as RECORDS_TO_WINSTORE
from ..records.push import push
from ..stage import stage
from ..work import Work
from .winstore_stock import WinstoreStock


def read_again(work: Work) -> None:
    """Reads and maps what changed today: whoever moved a figure in the target may have changed the source too."""
    today = clock.now().date()
    stage(work.connected, today)
    map_windows(replace(work, first=today, last=today, keys=None))


PUSH = partial(push, read_again=read_again)
TO_BC = replace(SENDING, push=PUSH)
TO_WINSTORE = replace(RECORDS_TO_WINSTORE, open=WinstoreStock, push=PUSH)
