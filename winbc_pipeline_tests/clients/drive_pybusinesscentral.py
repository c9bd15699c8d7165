"""Drives pybusinesscentral, unmodified; arguments: base address, token, company id."""

import json
import sys

import pybusinesscentral as bc
from pybusinesscentral import apis
from pybusinesscentral.model.post_customer_request import PostCustomerRequest
from pybusinesscentral.rest import ApiException

BASE, TOKEN, COMPANY = sys.argv[1:4]
JSON = "application/json"

with bc.ApiClient(bc.Configuration(host=BASE, access_token=TOKEN)) as client:
    assert [company.name for company in apis.CompanyApi(client).list_companies().value] == ["CRONUS Retail"]
    customers = apis.CustomerApi(client)
    body = PostCustomerRequest(displayName="pybc & Co", country="DE", taxLiable=False)
    made = customers.post_customer_with_http_info(COMPANY, content_type=JSON, post_customer_request=body)
    customer, etag = made.data, json.loads(made.raw_data)["@odata.etag"]
    assert made.status_code == 201
    assert customers.get_customer(COMPANY, customer.id).number == customer.number
    change = PostCustomerRequest(phoneNumber="555")
    patched = customers.patch_customer(
        COMPANY, customer.id, content_type=JSON, if_match=etag, post_customer_request=change
    )
    assert patched.phone_number == "555"
    found = customers.list_customers(COMPANY, top=5, filter="displayName eq 'pybc & Co'", select=["number"])
    assert [one.number for one in found.value] == [customer.number]
    try:
        customers.delete_customer(COMPANY, customer.id)
        raise AssertionError("a delete without If-Match was taken")
    except ApiException as error:
        assert error.status == 400
    customers.delete_customer(COMPANY, customer.id, _headers={"If-Match": "*"})
    try:
        customers.get_customer(COMPANY, customer.id)
        raise AssertionError("a deleted customer is still there")
    except ApiException as error:
        assert error.status == 404
    assert len(apis.PaymentTermApi(client).list_payment_terms(COMPANY, top=2).value) == 2
    assert apis.SalesInvoiceApi(client).list_sales_invoices(COMPANY, expand=["salesInvoiceLines"]).value == []
print("pybusinesscentral: companies, create, read, change, list, delete, typed models, refusals")
