"""Drives python-odata with its reflection of $metadata, unmodified; arguments: base address, token, company id."""

import sys
from decimal import Decimal

import requests
from odata import ODataService
from odata.flags import ODataServerFlags

BASE, TOKEN, COMPANY = sys.argv[1].rstrip("/") + "/", sys.argv[2], sys.argv[3]
session = requests.Session()
session.trust_env = False
session.headers.update({"Authorization": f"Bearer {TOKEN}", "If-Match": "*"})
flags = ODataServerFlags(skip_null_properties=True, provide_odata_type_annotation=False)
service = ODataService(BASE, session=session, reflect_entities=True, quiet_progress=True, server_flags=flags)
assert len(service.entities) == 64, len(service.entities)
service.url = f"{BASE}companies({COMPANY})/"
service.Entity.__odata_url_base__ = service.url
Customer, Order = service.entities["customers"], service.entities["salesOrders"]
customer = Customer()
customer.displayName, customer.creditLimit, customer.taxLiable = "python-odata O'Neil", Decimal("10.5"), True
service.save(customer)
customer.phoneNumber = "0123"
service.save(customer)
query = service.query(Customer)
assert [one.number for one in query.filter(Customer.displayName == "python-odata O'Neil")] == [customer.number]
assert query.get(customer.id).phoneNumber == "0123"
assert query.count() == 1
order = Order()
order.customerId = customer.id
service.save(order)
line = {"description": "A comment", "documentId": str(order.id)}
session.post(f"{service.url}salesOrderLines", json=line).raise_for_status()
found = service.query(Order).expand(Order.salesOrderLines).first()
assert [one.description for one in found.salesOrderLines] == ["A comment"]
service.delete(found)
service.delete(customer)
assert query.count() == 0
print("python-odata: reflection of 64 sets, create, change, filter, count, expand, delete")
