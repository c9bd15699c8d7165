"""Customers, contacts, items and variants: what BC does beside storing them (behaviour.md section 13)."""

from decimal import Decimal

from ..records import Record
from .company import Company, amount
from .refusal import dialog
from .values import is_zero
from .writing import RULES, Rules, no_relation

OPEN_DOCUMENTS = {
    "salesOrders": "Order",
    "salesInvoices": "Invoice",
    "salesQuotes": "Quote",
    "salesCreditMemos": "Credit Memo",
}
ADDRESS = ("addressLine1", "addressLine2", "city", "country", "postalCode", "phoneNumber", "email")


class Customers(Rules):
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
        for entity, caption in OPEN_DOCUMENTS.items():
            if any(
                row["status"] in ("Draft", "In_x0020_Review", "Open")
                for row in company.all(entity, "customerId", record["id"])
            ):
                message = (
                    f"You cannot delete {record['number']} because there is at least one outstanding Sales {caption}"
                )
                raise dialog(f"{message} for this customer.")

    def after_delete(self, company: Company, record: Record) -> None:
        for entity, field in (("customerFinancialDetails", "id"), ("agedAccountsReceivables", "customerId")):
            for row in company.all(entity, field, record["id"]):
                company.drop(entity, row)
        if "contactsInformation" in company.schema:
            for row in company.all("contactsInformation", "relatedId", record["id"]):
                company.drop("contactsInformation", row)


class Contacts(Rules):
    def before_insert(self, company: Company, record: Record, sent: Record) -> None:
        self._company(company, record, sent)

    def before_modify(self, company: Company, record: Record, old: Record, sent: Record) -> None:
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
                self._adjust(company, record, difference)

    def _adjust(self, company: Company, item: Record, difference: Decimal) -> None:
        kind = "Positive_x0020_Adjmt_x002E_" if difference > 0 else "Negative_x0020_Adjmt_x002E_"
        post_stock(company, item, difference, kind, f"ADJ-{company.records.next('adjustments'):05d}", "_x0020_")

    def before_delete(self, company: Company, record: Record) -> None:
        used = [("salesOrderLines", "Sales Line"), ("salesInvoiceLines", "Sales Line")]
        for entity, caption in used:
            if company.all(entity, "itemId", record["id"]):
                message = f"You cannot delete Item {record['number']} because there is at least one {caption}"
                raise dialog(f"{message} that includes this item.")
        if company.all("itemLedgerEntries", "itemNumber", record["number"]):
            message = f"You cannot delete Item {record['number']} because there is at least one Item Ledger Entry"
            raise dialog(f"{message} that includes this item.")


class Variants(Rules):
    def before_insert(self, company: Company, record: Record, sent: Record) -> None:
        item = company.get("items", record["itemId"]) if not is_zero(record["itemId"]) else None
        item = item or company.find("items", "number", record["itemNumber"])
        if not item or not record["code"]:
            raise dialog('An "itemId" or "itemNumber" and a "code" must be provided.')
        record |= {"itemId": item["id"], "itemNumber": item["number"]}
        if any(row["code"] == record["code"] for row in company.all("itemVariants", "itemId", item["id"])):
            raise dialog(f"The Item Variant already exists. Identification fields and values: Code='{record['code']}'")


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


RULES |= {"customers": Customers(), "contacts": Contacts(), "items": Items(), "itemVariants": Variants()}
