"""Order requests of an erased person in the companion app: those that made no order still have the address.

Everything else that Business Central has of an order is its document, which the law keeps (docs/privacy.md).
"""

from collections.abc import Iterator

from ..errors import WinbcError
from ..settings import Settings
from ..staging import ledger
from ..staging.store import literal
from ..sync.documents.by_key.emptying import BY_HAND, Emptied, empty_requests, later
from .person import Person, flows_of_people


def empty(settings: Settings, person: Person) -> str:
    """Empties the requests of the person's orders; says in words what was done, and what was not.

    Empty when there is none of an order of the person. It may be called again.
    """
    references = set(_references(settings, person))
    if not references or not settings.bc.base_url:
        return ""
    try:
        done = empty_requests(settings, references)
    except WinbcError as error:
        later(settings.state_folder, references)
        return f"order requests were not looked at ({error.code}): the next run of orders empties them"
    if done is None:
        return f"order requests were not looked at: the companion app is off, or without a right to write. {BY_HAND}"
    if done == Emptied():
        return ""
    gap = f", {done.refused} refused. {BY_HAND}" if done.refused else ""
    return f"order requests that made no order: {done.emptied} emptied{gap}"


def _references(settings: Settings, person: Person) -> Iterator[str]:
    """The numbers under which the person's orders went to Business Central, or were meant to."""
    for connected in flows_of_people(settings):
        flow, keys = connected.flow, person.orders.get(connected.flow.id)
        if flow.target == "bc" and flow.document and keys:
            where = f"part = {literal(flow.main)} AND list_contains(?, key)"
            rows = ledger.read(connected.store, where, [sorted(keys)])
            yield from (row["reference"] for row in rows if row["reference"])
