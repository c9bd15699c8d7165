"""Customers, in both directions.

Key: the number that we give (WS + Winstore's id), then the e-mail address. A customer with a company name becomes a
customer of type Company, with the person as contact. One without becomes a customer of type Person (seed page,
Customers).
"""

from ..sync.flow import Flow, Part, Reference

# Business Central makes a contact for each company customer. The contacts of its persons belong to that one.
COMPANY = Reference(
    field="companyNumber",
    collection="customers({id})/contactsInformation",
    value="contactNumber",
    where=("contactType", "Company"),
)

CUSTOMERS = Flow(
    name="customers",
    source="winstore",
    target="bc",
    entity="customers",
    main="customer",
    parts=(
        Part(
            name="customer",
            entity_set="customers",
            table="customer.csv",
            match=(("number", False), ("email", True)),
        ),
        Part(
            name="contact",
            entity_set="contacts",
            table="contact.csv",
            match=(("number", False),),
            where="company IS NOT NULL AND lname IS NOT NULL",
            parent="customer",
            reference=COMPANY,
        ),
    ),
    guarded=True,
)

CUSTOMERS_TO_WINSTORE = Flow(
    name="customers",
    source="bc",
    target="winstore",
    entity="customers",
    main="customer",
    parts=(Part(name="customer", entity_set="customers", table="customer.csv", match=(("email", True),)),),
    guarded=True,
)
