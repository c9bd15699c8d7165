"""Customers, contacts, items, variants, payment terms: what BC does beside storing them (behaviour.md section 13)."""

import re
from decimal import Decimal

from ...records import Record
from ..data.company import Company, amount
from ..data.dates import checked_formula
from ..data.refusal import dialog, validation
from ..data.values import decoded, is_zero
from ..odata.writing import RULES, Rules, no_relation

OPEN_DOCUMENTS = {
    "salesOrders": "Order",
    "salesInvoices": "Invoice",
    "salesQuotes": "Quote",
    "salesCreditMemos": "Credit Memo",
}
CUSTOMER_IDS = ("customerId", "billToCustomerId")
POSTED_IN = ("salesInvoices", "salesCreditMemos")
POSTED = ("Open", "Paid", "Canceled", "Corrective")
ADDRESS = ("addressLine1", "addressLine2", "city", "country", "postalCode", "phoneNumber", "email")
EMAIL = re.compile(r"[^@\s]+@[^@\s]+")


class Reachable(Rules):
    """Whoever has a telephone number and an e-mail address."""

    caption = ""

    def before_insert(self, company: Company, record: Record, sent: Record) -> None:
        self._check(record, sent)

    def before_modify(self, company: Company, record: Record, old: Record, sent: Record) -> None:
        self._check(record, sent)

    def _check(self, record: Record, sent: Record) -> None:
        for name, caption in (("phoneNumber", "Phone No."), ("mobilePhoneNumber", "Mobile Phone No.")):
            if any(letter.isalpha() for letter in sent.get(name, "")):
                raise validation(f"{caption} must not contain letters in {self.caption} No.='{record['number']}'.")
        for address in filter(None, re.split("[;,]", sent.get("email", ""))):
            if not EMAIL.fullmatch(address.strip()):
                raise dialog(f'The email address "{address.strip()}" is not valid.')


class Vendors(Reachable):
    caption = "Vendor"


class Customers(Reachable):
    caption = "Customer"

    def after_insert(self, company: Company, record: Record, body: Record) -> Record:
        company.add("customerFinancialDetails", {"id": record["id"], "number": record["number"]})
        aged = {"customerId": record["id"], "customerNumber": record["number"], "name": record["displayName"]}
        company.add("agedAccountsReceivables", aged)
        if record["type"] == "Company" and "contacts" in company.schema:
            self._company_contact(company, record)
        return record

    def _company_contact(self, company: Company, customer: Record) -> None:
        """BC keeps a company contact for each customer (Marketing Setup, Bus. Rel. Code for Customers [?])."""
        number = company.next_number("contacts")
        known = {"number": number, "type": "Company", "displayName": customer["displayName"]}
        known |= {
            "companyNumber": number,
            "companyName": customer["displayName"],
            "contactBusinessRelation": "Customer",
        }
        contact = company.add("contacts", {name: customer[name] for name in ADDRESS} | known)
        relation = {"contactId": contact["id"], "contactNumber": number, "contactName": contact["displayName"]}
        relation |= {"contactType": "Company", "relatedId": customer["id"], "relatedType": "Customer"}
        company.add("contactsInformation", relation)

    def before_delete(self, company: Company, record: Record) -> None:
        refusal = f"You cannot delete Customer {record['number']} because"
        posted = False
        for entity, caption in OPEN_DOCUMENTS.items():
            documents = [row for field in CUSTOMER_IDS for row in company.all(entity, field, record["id"])]
            kept = [row for row in documents if entity in POSTED_IN and row["status"] in POSTED]
            if len(kept) < len(documents):
                raise dialog(f"{refusal} there is at least one outstanding Sales {caption} for this customer.")
            posted = posted or bool(kept)
        if posted:
            raise dialog(f"{refusal} it has ledger entries in a fiscal year that has not been closed yet.")

    def after_modify(self, company: Company, record: Record, sent: Record) -> Record:
        details = company.get("customerFinancialDetails", record["id"])
        if details and details["number"] != record["number"]:
            company.change("customerFinancialDetails", details | {"number": record["number"]}, stamp=False)
        return record

    def after_delete(self, company: Company, record: Record) -> None:
        for entity, field in (("customerFinancialDetails", "id"), ("agedAccountsReceivables", "customerId")):
            for row in company.all(entity, field, record["id"]):
                company.drop(entity, row)
        if "contactsInformation" in company.schema:
            for row in company.all("contactsInformation", "relatedId", record["id"]):
                company.drop("contactsInformation", row)


class Contacts(Reachable):
    caption = "Contact"

    def before_insert(self, company: Company, record: Record, sent: Record) -> None:
        super().before_insert(company, record, sent)
        self._company(company, record, sent)

    def before_modify(self, company: Company, record: Record, old: Record, sent: Record) -> None:
        super().before_modify(company, record, old, sent)
        self._company(company, record, sent)

    def _company(self, company: Company, record: Record, sent: Record) -> None:
        number = sent.get("companyNumber")
        if number and number != record["number"]:
            found = company.find("contacts", "number", number)
            if not found:
                raise no_relation("companyNumber", number, "Contact")
            record["companyName"] = found["displayName"]


class Items(Rules):
    def before_insert(self, company: Company, record: Record, sent: Record) -> None:
        if "inventory" in sent:
            raise dialog("Inventory cannot be changed during on insert.")

    def before_modify(self, company: Company, record: Record, old: Record, sent: Record) -> None:
        if "inventory" in sent:
            difference = amount(sent["inventory"]) - amount(old["inventory"])
            record["inventory"] = old["inventory"]
            if difference:
                self._check_stocked(record)
                self._adjust(company, record, difference)

    def _check_stocked(self, item: Record) -> None:
        """An item journal line takes stocked items that are not blocked."""
        if item["type"] != "Inventory":
            message = f"Type must be equal to 'Inventory'  in Item: No.={item['number']}."
            raise validation(f"{message} Current value is '{decoded(item['type'])}'.")
        check_item(item)

    def _adjust(self, company: Company, item: Record, difference: Decimal) -> None:
        kind = "Positive_x0020_Adjmt_x002E_" if difference > 0 else "Negative_x0020_Adjmt_x002E_"
        post_stock(company, item, difference, kind, f"ADJ-{company.records.next('adjustments'):05d}", "_x0020_")

    def before_delete(self, company: Company, record: Record) -> None:
        used = [(f"{entity[:-1]}Lines", "itemId", record["id"], "Sales Line") for entity in OPEN_DOCUMENTS]
        used.append(("itemLedgerEntries", "itemNumber", record["number"], "Item Ledger Entry"))
        for entity, field, value, caption in used:
            if company.all(entity, field, value):
                message = f"You cannot delete Item {record['number']} because there is at least one {caption}"
                raise dialog(f"{message} that includes this item.")


class Variants(Rules):
    def before_insert(self, company: Company, record: Record, sent: Record) -> None:
        if not record["code"]:
            raise dialog('A "code" must be provided.')
        self._of_item(company, record, record)

    def before_modify(self, company: Company, record: Record, old: Record, sent: Record) -> None:
        if {"itemId", "itemNumber", "code"} & set(sent):
            self._of_item(company, record, sent)

    def _of_item(self, company: Company, record: Record, sent: Record) -> None:
        """The item by its id or number, both alike; one code only once."""
        item_id, number = sent.get("itemId"), sent.get("itemNumber")
        by_id = not is_zero(item_id) or not number
        if is_zero(item_id) and not number:
            item_id = record["itemId"]
        item = company.get("items", str(item_id)) if by_id else company.find("items", "number", number)
        if not item:
            raise dialog(f'The "{"itemId" if by_id else "itemNumber"}" does not match to an Item.')
        if number and number != item["number"]:
            raise dialog("The item values do not match to a specific Item.")
        record |= {"itemId": item["id"], "itemNumber": item["number"]}
        alike = [row for row in company.all("itemVariants", "itemId", item["id"]) if row["code"] == record["code"]]
        if any(row["id"] != record["id"] for row in alike):
            raise dialog(f"The Item Variant already exists. Identification fields and values: Code='{record['code']}'")


class PaymentTerms(Rules):
    def before_insert(self, company: Company, record: Record, sent: Record) -> None:
        for name in ("dueDateCalculation", "discountDateCalculation"):
            record[name] = checked_formula(record[name])

    def before_modify(self, company: Company, record: Record, old: Record, sent: Record) -> None:
        self.before_insert(company, record, sent)


def check_item(item: Record) -> None:
    """Refuses an item that is blocked."""
    if item["blocked"]:
        raise validation(f"Blocked must be equal to 'No' in Item: No.={item['number']}. Current value is 'Yes'.")


def post_stock(
    company: Company,
    item: Record,
    quantity: Decimal,
    kind: str,
    document: str,
    document_type: str,
    sales: Decimal = Decimal(0),
) -> None:
    """Adds an item ledger entry and keeps the item's inventory, a calculated field, equal to their sum."""
    if "itemLedgerEntries" in company.schema:
        entry = {"entryNumber": company.records.next("itemLedgerEntries"), "itemNumber": item["number"]}
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
