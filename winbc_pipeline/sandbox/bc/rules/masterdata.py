"""Rules of customers, contacts, vendors, items, item variants and payment terms (behaviour.md section 13)."""

import re
from decimal import Decimal

from ...records import Record
from ..data.company import Company, amount
from ..data.dates import checked_formula
from ..data.post_codes import fill_in_address
from ..data.refusal import already_exists, dialog_error, validation_error
from ..data.schema import ZERO_GUID
from ..data.settings import change_settings
from ..data.values import decoded, is_zero
from ..odata.writing import RULES, Rules
from . import posting_groups
from .contacts import add_contact, follow_contact, follow_owner, link_company, persons_of, unlink_contact, unlink_owner
from .stock import DECREASE, INCREASE, JOURNAL_LINE, STOCKED, Movement, has_entries, move, refresh_codes, units_of

OPEN_DOCUMENTS = {
    "salesOrders": "Order",
    "salesInvoices": "Invoice",
    "salesQuotes": "Quote",
    "salesCreditMemos": "Credit Memo",
}
CUSTOMER_IDS = ("customerId", "billToCustomerId")
NO_INVENTORY_GROUP: Record = {"inventoryPostingGroupId": ZERO_GUID, "inventoryPostingGroupCode": ""}
# These entity sets hold drafts and posted documents together. The status tells which is which.
SETS_WITH_POSTED = ("salesInvoices", "salesCreditMemos")
POSTED_STATES = ("Open", "Paid", "Canceled", "Corrective")
EMAIL = re.compile(r"[^@\s]+@[^@\s]+")


class WithAddress(Rules):
    """Records with one address, whose post code fills in the rest."""

    def before_insert(self, company: Company, record: Record, sent: Record) -> None:
        if sent.get("postalCode"):
            fill_in_address(company, record)

    def before_modify(self, company: Company, record: Record, old: Record, sent: Record) -> None:
        if record["postalCode"] != old["postalCode"]:
            fill_in_address(company, record)


class WithContactDetails(WithAddress):
    """Records with an address, telephone numbers and an e-mail address, which are checked."""

    caption = ""

    def before_insert(self, company: Company, record: Record, sent: Record) -> None:
        super().before_insert(company, record, sent)
        self._check(record, sent)

    def before_modify(self, company: Company, record: Record, old: Record, sent: Record) -> None:
        super().before_modify(company, record, old, sent)
        self._check(record, sent)

    def _check(self, record: Record, sent: Record) -> None:
        for name, caption in (("phoneNumber", "Phone No."), ("mobilePhoneNumber", "Mobile Phone No.")):
            if any(letter.isalpha() for letter in sent.get(name, "")):
                message = f"{caption} must not contain letters in {self.caption} No.='{record['number']}'."
                raise validation_error(message)
        for address in filter(None, re.split("[;,]", sent.get("email", ""))):
            if not EMAIL.fullmatch(address.strip()):
                raise dialog_error(f'The email address "{address.strip()}" is not valid.')


class Vendors(WithContactDetails):
    """Vendors. Each has a company contact."""

    caption = "Vendor"

    def before_delete(self, company: Company, record: Record) -> None:
        for field in ("vendorId", "payToVendorId"):  # AL: Vendor, CheckOutstandingPurchaseDocuments
            if company.find("purchaseOrders", field, record["id"]):
                message = f"You cannot delete Vendor {record['number']} because there is at least one outstanding"
                raise dialog_error(f"{message} Purchase Order for this vendor.")

    def after_insert(self, company: Company, record: Record, body: Record) -> Record:
        add_contact(company, record, "Vendor")
        return record

    def after_modify(self, company: Company, record: Record, sent: Record) -> Record:
        follow_owner(company, record)
        return record

    def after_delete(self, company: Company, record: Record) -> None:
        unlink_owner(company, record)


class Customers(WithContactDetails):
    """Customers, with the calculated records that BC shows for each: financial details and aged receivables."""

    caption = "Customer"

    def before_modify(self, company: Company, record: Record, old: Record, sent: Record) -> None:
        super().before_modify(company, record, old, sent)
        is_private = company.hidden("customers", record["id"]).get("privacyBlocked")
        if sent.get("blocked", "All") != "All" and is_private:  # AL: Customer, Blocked, OnValidate
            message = "The Blocked field cannot be changed because the user is blocked for privacy reasons."
            raise dialog_error(message)

    def after_insert(self, company: Company, record: Record, body: Record) -> Record:
        posting_groups.keep(company, "customers", record, company.templates.get("customers", {}))
        company.add("customerFinancialDetails", {"id": record["id"], "number": record["number"]})
        aged = {"customerId": record["id"], "customerNumber": record["number"], "name": record["displayName"]}
        company.add("agedAccountsReceivables", aged)
        if record["type"] == "Company":
            add_contact(company, record, "Customer")
        return record

    def before_delete(self, company: Company, record: Record) -> None:
        refusal = f"You cannot delete Customer {record['number']} because"
        posted = False
        for entity, caption in OPEN_DOCUMENTS.items():
            documents = [row for field in CUSTOMER_IDS for row in company.all(entity, field, record["id"])]
            kept = [row for row in documents if entity in SETS_WITH_POSTED and row["status"] in POSTED_STATES]
            if len(kept) < len(documents):
                raise dialog_error(f"{refusal} there is at least one outstanding Sales {caption} for this customer.")
            posted = posted or bool(kept)
        if posted:
            raise dialog_error(f"{refusal} it has ledger entries in a fiscal year that has not been closed yet.")

    def after_modify(self, company: Company, record: Record, sent: Record) -> Record:
        details = company.get("customerFinancialDetails", record["id"])
        if details and details["number"] != record["number"]:
            company.change("customerFinancialDetails", details | {"number": record["number"]}, stamp=False)
        follow_owner(company, record)
        return record

    def after_delete(self, company: Company, record: Record) -> None:
        company.hide("customers", record["id"], {})
        for entity, field in (("customerFinancialDetails", "id"), ("agedAccountsReceivables", "customerId")):
            for row in company.all(entity, field, record["id"]):
                company.drop(entity, row)
        unlink_owner(company, record)


class Contacts(WithContactDetails):
    """Contacts: companies, and persons who may belong to a company."""

    caption = "Contact"

    def before_insert(self, company: Company, record: Record, sent: Record) -> None:
        super().before_insert(company, record, sent)
        record["number"] = record["number"] or company.next_number("contacts")
        link_company(company, record, None, sent)

    def after_insert(self, company: Company, record: Record, body: Record) -> Record:
        follow_contact(company, record, None)
        return record

    def before_modify(self, company: Company, record: Record, old: Record, sent: Record) -> None:
        super().before_modify(company, record, old, sent)
        link_company(company, record, old, sent)
        follow_contact(company, record, old)

    def before_delete(self, company: Company, record: Record) -> None:
        """The persons at a company are deleted with it."""
        for person in persons_of(company, record) if record["type"] == "Company" else ():
            company.drop("contacts", person)
            unlink_contact(company, person)

    def after_delete(self, company: Company, record: Record) -> None:
        unlink_contact(company, record)


class Items(Rules):
    """Items. A client changes the inventory through an adjustment, as an item journal does."""

    def before_insert(self, company: Company, record: Record, sent: Record) -> None:
        if "inventory" in sent:
            raise dialog_error("Inventory cannot be changed during on insert.")
        self._check_values(record, sent)

    def after_insert(self, company: Company, record: Record, body: Record) -> Record:
        posting_groups.keep(company, "items", record, company.templates.get("items", {}))
        return record

    def before_modify(self, company: Company, record: Record, old: Record, sent: Record) -> None:
        if record["type"] != old["type"] and record["type"] != STOCKED:
            # AL: Item, CheckUpdateFieldsForNonInventoriableItem
            record |= {name: sent.get(name, empty) for name, empty in NO_INVENTORY_GROUP.items()}
        self._check_values(record, sent)
        if record["type"] != old["type"]:
            self._check_type_is_free(company, record)
        if record["baseUnitOfMeasureId"] != old["baseUnitOfMeasureId"]:
            self._change_base_unit(company, record, old)
        if "inventory" in sent:
            record["inventory"] = old["inventory"]
            self._adjust(company, record, amount(sent["inventory"]) - amount(old["inventory"]))

    def after_modify(self, company: Company, record: Record, sent: Record) -> Record:
        if "number" in sent:
            refresh_codes(company, record)
        return record

    def _check_values(self, item: Record, sent: Record) -> None:
        if item["type"] != STOCKED and any(not is_zero(sent.get(name)) for name in NO_INVENTORY_GROUP):
            message = f"Type must be equal to 'Inventory'  in Item: No.={item['number']}."
            raise validation_error(f"{message} Current value is '{decoded(item['type'])}'.")
        if not re.fullmatch("[0-9]*", sent.get("gtin", "")):
            raise validation_error(f"GTIN must contain numbers only in Item: No.={item['number']}.")

    def _check_type_is_free(self, company: Company, item: Record) -> None:
        """Refuses another type of an item with entries or on open documents (AL: Item, Type, OnValidate)."""
        document = document_with(company, item["id"])
        used = "Item Ledger Entry" if has_entries(company, item["id"]) else document and f"{document.split()[0]} Line"
        if used:
            message = f"You cannot change the Type field on Item {item['number']} because at least one {used}"
            raise dialog_error(f"{message} exists for this item.")

    def _change_base_unit(self, company: Company, item: Record, old: Record) -> None:
        """Refuses another base unit while there is stock, and one that holds several. The old unit stays a unit."""
        if any(amount(row["quantity"]) for row in company.all("stock", "itemId", item["id"])):
            message = "You cannot change Base Unit of Measure because there are one or more open ledger entries "
            raise dialog_error(message + "for this item.")
        units = units_of(company, old)
        holds = units.get(item["baseUnitOfMeasureId"], Decimal(1))
        if holds != 1:
            message = "The quantity per base unit of measure must be 1. "
            message += f"{item['baseUnitOfMeasureCode']} is set up with {holds:f} per unit of measure.\\\\"
            message += "You can change this setup in the Item Units of Measure window."
            raise dialog_error(message)
        change_settings(company, "items", item, {"units": {unit: units[unit] for unit in units if not is_zero(unit)}})

    def _adjust(self, company: Company, item: Record, difference: Decimal) -> None:
        """Posts an item journal line. It knows no variant, location or unit; its document is the item's number."""
        if difference:
            if item["type"] == STOCKED:
                posting_groups.check(company, "items", item, "generalProductPostingGroupCode", JOURNAL_LINE)
            kind = INCREASE if difference > 0 else DECREASE
            move(company, Movement(item, difference, kind, item["number"]))

    def before_delete(self, company: Company, record: Record) -> None:
        document = document_with(company, record["id"])
        if document:
            message = f"You cannot delete Item {record['number']} because there is at least one outstanding {document}"
            raise dialog_error(f"{message} that includes this item.")
        if has_entries(company, record["id"]):
            message = f"You cannot delete Item {record['number']} because it has ledger entries in a fiscal year"
            raise dialog_error(f"{message} that has not been closed yet.")

    def after_delete(self, company: Company, record: Record) -> None:
        company.hide("items", record["id"], {})


class Variants(Rules):
    """Item variants. An item has each code only once."""

    def before_insert(self, company: Company, record: Record, sent: Record) -> None:
        if not record["code"]:
            raise dialog_error('A "code" must be provided.')
        self._link_item(company, record, record)

    def before_modify(self, company: Company, record: Record, old: Record, sent: Record) -> None:
        if {"itemId", "itemNumber", "code"} & set(sent):
            self._link_item(company, record, sent)
        document = document_with(company, old["itemId"], record["id"])
        if document and record["itemId"] != old["itemId"]:
            used = f"it is used in {document.split()[0].lower()} document lines"
            raise dialog_error(f"You cannot rename Item No. in a Item Variant, because {used}.")

    def after_modify(self, company: Company, record: Record, sent: Record) -> Record:
        if "code" in sent:
            refresh_codes(company, company.get("items", record["itemId"]) or {})
        return record

    def before_delete(self, company: Company, record: Record) -> None:
        document = document_with(company, record["itemId"], record["id"])
        entries = "Item Ledger Entry" if has_entries(company, record["itemId"], record["id"]) else ""
        used = f"{document.split()[0]} Line" if document else entries
        if used:
            message = f"You cannot delete item variant {record['code']} because there is at least one {used}"
            raise dialog_error(f"{message} that includes this Variant Code.")

    def _link_item(self, company: Company, record: Record, sent: Record) -> None:
        """Fills in the item, which a client names by its id, by its number or by both. Refuses a code used before."""
        item_id, number = sent.get("itemId"), sent.get("itemNumber")
        by_id = not is_zero(item_id) or not number
        if is_zero(item_id) and not number:
            item_id = record["itemId"]
        item = company.get("items", str(item_id)) if by_id else company.find("items", "number", number)
        if not item:
            field = "itemId" if by_id else "itemNumber"
            raise dialog_error(f'The "{field}" does not match to an Item.')
        if number and number != item["number"]:
            raise dialog_error("The item values do not match to a specific Item.")
        record |= {"itemId": item["id"], "itemNumber": item["number"]}
        alike = [row for row in company.all("itemVariants", "itemId", item["id"]) if row["code"] == record["code"]]
        if any(row["id"] != record["id"] for row in alike):
            raise already_exists("Item Variant", {"Item No.": item["number"], "Code": record["code"]})


class PaymentTerms(Rules):
    """Payment terms, whose date formulas are checked."""

    def before_insert(self, company: Company, record: Record, sent: Record) -> None:
        for name in ("dueDateCalculation", "discountDateCalculation"):
            record[name] = checked_formula(record[name])

    def before_modify(self, company: Company, record: Record, old: Record, sent: Record) -> None:
        self.before_insert(company, record, sent)


def document_with(company: Company, item_id: str, variant_id: str = "") -> str:
    """The kind of an open document with a line of an item, or of one variant of it, as `Sales Order`. Empty if none."""
    for entity, caption in (*OPEN_DOCUMENTS.items(), ("purchaseOrders", "Order")):
        for line in company.all(f"{entity[:-1]}Lines", "itemId", item_id):
            header = company.get(entity, line["documentId"]) or {}
            is_open = entity not in SETS_WITH_POSTED or header.get("status") not in POSTED_STATES
            if is_open and variant_id in ("", line["itemVariantId"]):
                return f"{'Purchase' if entity == 'purchaseOrders' else 'Sales'} {caption}"
    return ""


def check_item(item: Record) -> None:
    """Refuses an item that is blocked."""
    if item["blocked"]:
        raise validation_error(f"Blocked must be equal to 'No' in Item: No.={item['number']}. Current value is 'Yes'.")


RULES |= {
    "companyInformation": WithAddress(),
    "employees": WithAddress(),
    "customers": Customers(),
    "contacts": Contacts(),
    "vendors": Vendors(),
    "items": Items(),
    "itemVariants": Variants(),
    "paymentTerms": PaymentTerms(),
}
