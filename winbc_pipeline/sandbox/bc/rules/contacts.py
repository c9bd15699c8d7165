"""How contacts hang together: a company and its persons, a customer or vendor and its contact.

In AL: Contact (table 5050), CustCont-Update, VendCont-Update, CustVendBank-Update, Contact Information Buffer. They do
this as if Marketing Setup names a business relation for customers and one for vendors, and inherits nothing. Here
belongs: what one of these records changes in another. What a contact takes itself: masterdata.py.
"""

from ...records import Record
from ..data.company import Company
from ..data.refusal import dialog_error, validation_error
from ..data.settings import change_settings
from ..odata.writing import no_relation

OWNERS = {"Customer": "customers", "Vendor": "vendors"}  # a business relation, and the entity set that it leads to
SHARED = (  # the fields that a contact and its customer or vendor have in common
    "displayName", "addressLine1", "addressLine2", "city", "state", "country", "postalCode", "phoneNumber", "email",
    "website", "taxRegistrationNumber",
)  # fmt: skip
NONE = "None"  # the business relation of a contact that has none


def add_contact(company: Company, owner: Record, relation: str) -> None:
    """Adds the company contact of a new customer or vendor. `relation` is Customer or Vendor."""
    if "contacts" not in company.schema:
        return
    number, blank = company.next_number("contacts"), company.empty("contacts")
    own = {"number": number, "type": "Company", "companyNumber": number, "companyName": owner["displayName"]}
    link = {"relatedId": owner["id"], "relatedType": relation}
    contact = company.add("contacts", _shared(owner, blank) | own | _relation_field(blank, link))
    _set_information(company, contact, link)


def follow_owner(company: Company, owner: Record) -> None:
    """Carries what changed in a customer or vendor to its contact."""
    for row in _rows_of(company, owner):
        contact = company.get("contacts", row["contactId"])
        if contact and contact["companyNumber"] == contact["number"]:
            changed = contact | _shared(owner, contact) | {"companyName": owner["displayName"]}
            if changed != contact:
                if row["relatedType"] == "Customer":  # AL: CustCont-Update, OnModify, takes over all common fields
                    changed |= {"privacyBlocked": _is_private(company, owner)}
                _after_change(company, company.change("contacts", changed), contact)


def follow_contact(company: Company, contact: Record, old: Record | None) -> None:
    """Carries what changes in a contact to its customer or vendor, its persons and the lists of contacts.

    `old` is the contact as it was, or None for a new one.
    """
    relation = _relation(company, contact)
    _set_information(company, contact, relation)
    if old is None:
        return
    if relation and contact["type"] == "Company":
        owner = company.get(OWNERS[relation["relatedType"]], relation["relatedId"])
        if owner and owner != owner | _shared(contact, owner):
            company.change(OWNERS[relation["relatedType"]], owner | _shared(contact, owner))
            # AL: CustVendBank-Update, UpdateCustomer, does the same. `blocked` stays, because nothing is validated.
            if relation["relatedType"] == "Customer" and _is_private(company, owner) != contact["privacyBlocked"]:
                change_settings(company, "customers", owner, {"privacyBlocked": contact["privacyBlocked"]})
    _after_change(company, contact, old)


def _is_private(company: Company, customer: Record) -> bool:
    return bool(company.hidden("customers", customer["id"]).get("privacyBlocked"))


def _after_change(company: Company, contact: Record, old: Record) -> None:
    row = company.get("contactsInformation", contact["id"])
    if row and row["contactName"] != contact["displayName"]:
        company.change("contactsInformation", row | {"contactName": contact["displayName"]}, stamp=False)
    if contact["type"] == "Company" and contact["displayName"] != old["displayName"]:
        for person in persons_of(company, old):
            company.change("contacts", person | {"companyName": contact["displayName"]})


def persons_of(company: Company, contact: Record) -> list[Record]:
    """The persons at a company."""
    found = company.all("contacts", "companyNumber", contact["number"])
    return [person for person in found if person["type"] == "Person"]


def unlink_owner(company: Company, owner: Record) -> None:
    """Ends the relations of a customer or vendor that was deleted. Its contacts stay."""
    for row in _rows_of(company, owner):
        company.drop("contactsInformation", row)
        contact = company.get("contacts", row["contactId"])
        if contact:
            company.change("contacts", contact | _relation_field(contact, None))


def unlink_contact(company: Company, contact: Record) -> None:
    """Ends the relation of a contact that was deleted."""
    _set_information(company, contact, None)


def link_company(company: Company, record: Record, old: Record | None, sent: Record) -> None:
    """Fills in the company of a contact. A company is its own; a person may name one by number or by name."""
    before = old or company.empty("contacts")
    if record["type"] == "Company":
        _check_own_company(record, before, sent)
        record |= {"companyNumber": record["number"], "companyName": record["displayName"]}
    else:
        if before["type"] == "Company" and old:
            _check_may_be_a_person(company, old)
            record |= {"companyNumber": sent.get("companyNumber", ""), "companyName": ""}
        _link_person(company, record, before, sent)
    record |= _relation_field(record, _relation(company, record))


def _check_own_company(record: Record, before: Record, sent: Record) -> None:
    numbers = ("", record["number"], before["companyNumber"])
    if sent.get("companyNumber", "") not in numbers:
        message = f"Type must be equal to 'Person'  in Contact: No.={record['number']}. Current value is 'Company'."
        raise validation_error(message)


def _check_may_be_a_person(company: Company, contact: Record) -> None:
    if persons_of(company, contact):
        raise dialog_error("Type cannot be changed because there are one or more related people linked to the contact.")
    if company.get("contactsInformation", contact["id"]):
        message = f"No. of Business Relations must be equal to '0'  in Contact: No.={contact['number']}."
        raise validation_error(f"{message} Current value is '1'.")


def _link_person(company: Company, record: Record, before: Record, sent: Record) -> None:
    number, name = sent.get("companyNumber"), sent.get("companyName", "")
    if number is None and name and name != before["companyName"]:
        found = company.find("contacts", "number", name) or company.find("contacts", "displayName", name)
        if not found or found["type"] != "Company":
            raise dialog_error("You must select an existing contact.")
        number = found["number"]
    if number is None:
        return
    found = company.find("contacts", "number", number) if number else None
    if number and (not found or found["type"] != "Company"):
        raise no_relation("companyNumber", number, "Contact")
    record |= {"companyNumber": number, "companyName": found["displayName"] if found else ""}


def _relation(company: Company, contact: Record) -> Record | None:
    """The customer or vendor of a company, and of a person at that company: the two fields that name it."""
    holder: Record | None = contact
    if contact["type"] == "Person":
        number = contact["companyNumber"]
        holder = company.find("contacts", "number", number) if number else None
    row = company.get("contactsInformation", holder["id"]) if holder else None
    return {"relatedId": row["relatedId"], "relatedType": row["relatedType"]} if row else None


def _relation_field(contact: Record, relation: Record | None) -> Record:
    if "contactBusinessRelation" not in contact:  # it came with version 19
        return {}
    return {"contactBusinessRelation": relation["relatedType"] if relation else NONE}


def _set_information(company: Company, contact: Record, relation: Record | None) -> None:
    """Keeps the row of a contact among the contacts of a customer or vendor."""
    row = company.get("contactsInformation", contact["id"])
    about = {"contactId": contact["id"], "contactNumber": contact["number"], "contactName": contact["displayName"]}
    wanted = about | {"contactType": contact["type"]} | relation if relation else None
    if row and not wanted:
        company.drop("contactsInformation", row)
    elif wanted and not row:
        company.add("contactsInformation", wanted)
    elif row and wanted and row | wanted != row:
        company.change("contactsInformation", row | wanted, stamp=False)


def _rows_of(company: Company, owner: Record) -> list[Record]:
    """The contacts of a customer or vendor."""
    if "contactsInformation" not in company.schema:
        return []
    return company.all("contactsInformation", "relatedId", owner["id"])


def _shared(source: Record, target: Record) -> Record:
    """The common fields of a record. Older versions do not have all of them."""
    return {name: source[name] for name in SHARED if name in source and name in target}
