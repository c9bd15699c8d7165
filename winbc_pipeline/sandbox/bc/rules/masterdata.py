"""Rules of customers, contacts, vendors, items, item variants and payment terms (behaviour.md section 13)."""

import re
from decimal import Decimal

from ...records import Record
from ..data.company import Company, amount
from ..data.dates import checked_formula
from ..data.refusal import dialog_error, validation_error
from ..data.values import decoded, is_zero
from ..odata.writing import RULES, Rules
from .contacts import add_contact, follow_contact, follow_owner, link_company, persons_of, unlink_contact, unlink_owner

OPEN_DOCUMENTS = {
    "salesOrders": "Order",
    "salesInvoices": "Invoice",
    "salesQuotes": "Quote",
    "salesCreditMemos": "Credit Memo",
}
CUSTOMER_IDS = ("customerId", "billToCustomerId")
# These entity sets hold drafts and posted documents together. The status tells which is which.
SETS_WITH_POSTED = ("salesInvoices", "salesCreditMemos")
POSTED_STATES = ("Open", "Paid", "Canceled", "Corrective")
EMAIL = re.compile(r"[^@\s]+@[^@\s]+")


class WithContactDetails(Rules):
    """Records with telephone numbers and an e-mail address, which are checked."""

    caption = ""

    def before_insert(self, company: Company, record: Record, sent: Record) -> None:
        self._check(record, sent)

    def before_modify(self, company: Company, record: Record, old: Record, sent: Record) -> None:
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

    def after_insert(self, company: Company, record: Record, body: Record) -> Record:
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

    def before_modify(self, company: Company, record: Record, old: Record, sent: Record) -> None:
        if "inventory" in sent:
            difference = amount(sent["inventory"]) - amount(old["inventory"])
            record["inventory"] = old["inventory"]
            if difference:
                self._check_stocked(record)
                self._adjust(company, record, difference)

    def _check_stocked(self, item: Record) -> None:
        """Refuses an item that an item journal line does not take: one that is not stocked, or is blocked."""
        if item["type"] != "Inventory":
            message = f"Type must be equal to 'Inventory'  in Item: No.={item['number']}."
            raise validation_error(f"{message} Current value is '{decoded(item['type'])}'.")
        check_item(item)

    def _adjust(self, company: Company, item: Record, difference: Decimal) -> None:
        kind = "Positive_x0020_Adjmt_x002E_" if difference > 0 else "Negative_x0020_Adjmt_x002E_"
        document = f"ADJ-{company.records.next_value('adjustments'):05d}"
        post_item_ledger_entry(company, item, difference, kind, document, "_x0020_")

    def before_delete(self, company: Company, record: Record) -> None:
        used = [(f"{entity[:-1]}Lines", "itemId", record["id"], "Sales Line") for entity in OPEN_DOCUMENTS]
        used.append(("itemLedgerEntries", "itemNumber", record["number"], "Item Ledger Entry"))
        for entity, field, value, caption in used:
            if company.all(entity, field, value):
                message = f"You cannot delete Item {record['number']} because there is at least one {caption}"
                raise dialog_error(f"{message} that includes this item.")


class Variants(Rules):
    """Item variants. An item has each code only once."""

    def before_insert(self, company: Company, record: Record, sent: Record) -> None:
        if not record["code"]:
            raise dialog_error('A "code" must be provided.')
        self._link_item(company, record, record)

    def before_modify(self, company: Company, record: Record, old: Record, sent: Record) -> None:
        if {"itemId", "itemNumber", "code"} & set(sent):
            self._link_item(company, record, sent)

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
            message = f"The Item Variant already exists. Identification fields and values: Code='{record['code']}'"
            raise dialog_error(message)


class PaymentTerms(Rules):
    """Payment terms, whose date formulas are checked."""

    def before_insert(self, company: Company, record: Record, sent: Record) -> None:
        for name in ("dueDateCalculation", "discountDateCalculation"):
            record[name] = checked_formula(record[name])

    def before_modify(self, company: Company, record: Record, old: Record, sent: Record) -> None:
        self.before_insert(company, record, sent)


def check_item(item: Record) -> None:
    """Refuses an item that is blocked."""
    if item["blocked"]:
        raise validation_error(f"Blocked must be equal to 'No' in Item: No.={item['number']}. Current value is 'Yes'.")


def post_item_ledger_entry(
    company: Company,
    item: Record,
    quantity: Decimal,
    kind: str,
    document: str,
    document_type: str,
    sales: Decimal = Decimal(0),
) -> None:
    """Adds an item ledger entry. The item's inventory stays the sum of its entries, as it is a FlowField in AL."""
    if "itemLedgerEntries" in company.schema:
        entry = {"entryNumber": company.records.next_value("itemLedgerEntries"), "itemNumber": item["number"]}
        entry |= {"postingDate": company.today(), "entryType": kind, "documentNumber": document, "quantity": quantity}
        entry |= {"documentType": document_type, "description": item["displayName"], "salesAmountActual": sales}
        entry |= {"costAmountActual": quantity * amount(item["unitCost"])}
        company.add("itemLedgerEntries", entry)
    item["inventory"] = amount(item["inventory"]) + quantity
    company.change("items", item, stamp=False)


RULES |= {
    "customers": Customers(),
    "contacts": Contacts(),
    "vendors": Vendors(),
    "items": Items(),
    "itemVariants": Variants(),
    "paymentTerms": PaymentTerms(),
}
