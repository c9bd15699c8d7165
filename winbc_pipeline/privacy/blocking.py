"""Blocks an erased person for privacy in Business Central, if the settings ask for it. Nothing is deleted there.

API v2.0 has the block on contacts only (`privacyBlocked`, writable from version 18: page Contacts of Microsoft's
API v2.0). A customer without a contact cannot be blocked over it.
"""

from contextlib import closing

from ..errors import WinbcError
from ..settings import Settings
from ..systems.business_central import BusinessCentral, Operation
from .person import Person

DONE = (200, 204)
STORE = "Business Central"


def block(settings: Settings, person: Person) -> str:
    """Sets the block on the contacts of a person who are not blocked yet; says in words what was done.

    An answer that does not come, or a right that is missing, ends no erasing: the words say so.
    """
    try:
        with closing(BusinessCentral(settings)) as target:
            return _blocked(target, person)
    except WinbcError as error:
        return f"the contacts are not blocked for privacy: {error.code}. Block them by hand"


def _blocked(target: BusinessCentral, person: Person) -> str:
    ids = {
        row["contactId"]
        for customer in sorted(person.bc)
        if target.find("customers", "id", [customer], False)
        for row in target.get(f"customers({customer})/contactsInformation")
    }
    found = target.find("contacts", "id", sorted(ids), False) if ids else {}
    open_ones = [each for those in found.values() for each in those if not each.get("privacyBlocked")]
    results = target.batch(
        [
            Operation(str(number), "PATCH", f"contacts({each['id']})", {"privacyBlocked": True}, each["@odata.etag"])
            for number, each in enumerate(open_ones)
        ]
    )
    done = sum(result.status in DONE for result in results)
    left = len(open_ones) - done
    words = f"{done} contacts blocked for privacy, {len(ids) - len(open_ones)} were blocked before"
    return f"{words}; {left} could not be: block them by hand" if left else words
