"""Who did what: approved, retried, resolved, adopted, edited, erased, looked at a person's values. docs/privacy.md.

`record` is called before the act; `entries` and `verify` read what was recorded.
"""

from .log import FILES as FILES
from .log import Act as Act
from .log import Entry as Entry
from .log import entries as entries
from .log import record as record
from .log import unchanged as unchanged
from .verify import verify as verify
