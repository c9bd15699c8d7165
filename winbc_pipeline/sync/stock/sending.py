"""How stock goes to Winstore: as other records do, to a target that keeps a copy of Winstore's figures."""

from dataclasses import replace

from ..records import TO_WINSTORE as RECORDS
from .winstore_stock import WinstoreStock

TO_WINSTORE = replace(RECORDS, open=WinstoreStock)
