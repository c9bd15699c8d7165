"""Subscriptions to changes: handshake, delayed and merged notifications, and retries (behaviour.md section 9).

All waiting times are divided by the time scale. So a test need not wait for 30 seconds.
"""

import asyncio
import ssl
import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import httpx

from ..control import timestamp
from ..records import Record, dumps
from .data.company import Company
from .data.refusal import already_exists, bad_request, dialog_error, not_found
from .data.values import as_object, check_length, field_value
from .odata.writing import check_etag
from .rules.sales import KIND_BY_LINES

LIMIT, LIFETIME = 200, timedelta(days=3)
# How long BC collects changes, and how long it waits for the answers to a handshake and to a notification.
DELAY_S, HANDSHAKE_S, SEND_S = 30.0, 5.0, 30.0
REAL_S = 5  # of a busy machine, whatever the scale of time: the seconds above may be a few milliseconds
# Above so many changed records, BC sends one notification with a filter by time. The filter starts a little earlier.
COLLECTION_ABOVE, OVERLAP = 1000, timedelta(milliseconds=50)
RETRY_S = (60, 60, 60, 600, 6000, 60000)
MAX_ATTEMPTS = 5
RETRIED = {408, 429}  # and every status of 500 or more
# The members that a client may set, and the most characters of each. For the addresses no limit is published.
SETTABLE = {"subscriptionId": 150, "notificationUrl": None, "resource": None, "clientState": 2048}
UNSUPPORTED = {  # entity sets that BC sends no notifications for: temporary tables, queries and system tables
    "attachments",
    "documentAttachments",
    "pictures",
    "pdfDocument",
    "dimensionSetLines",
    "contactsInformation",
    "agedAccountsReceivables",
    "customerFinancialDetails",
    "customerSales",
    "taxAreas",
    "taxGroups",
    "companies",
    "subscriptions",
    *KIND_BY_LINES,
}
Change = tuple[str, Record]
Names = Mapping[str, str]  # the public and the stored name of entity sets


class Webhooks:
    """The subscriptions of one company, and the changes that still have to be sent to them."""

    def __init__(self, company: Company, time_scale: float = 1) -> None:
        self.company, self.time_scale = company, time_scale
        self.pending: dict[str, dict[str, Change]] = {}
        self.first_change: dict[str, datetime] = {}
        self.tasks: set[asyncio.Task[None]] = set()
        company.watchers.append(self.on_change)

    async def subscribe(self, body: Any, sets: Names) -> Record:
        """Adds a subscription. Raises Refused if its notificationUrl does not answer the handshake.

        `sets` are the entity sets that the called API has webhooks for.
        """
        sent = self._settable(body, sets)
        if not sent.get("notificationUrl") or not sent.get("resource"):
            raise bad_request("The notificationUrl and the resource must be provided.")
        if self.company.records.count("subscriptions") >= LIMIT:
            raise dialog_error(f"The number of subscriptions is limited to {LIMIT}.")
        await self._handshake(sent["notificationUrl"])
        number = sent.setdefault("subscriptionId", self._new_id())
        if self.company.get("subscriptions", number):
            raise already_exists("Subscription", {"Subscription Id": number})
        self._note(number, sent, sets)
        return self.company.add("subscriptions", sent | {"expirationDateTime": self._expiry()}, sent=body)

    async def renew(self, record: Record, body: Any, etag: str | None, sets: Names) -> Record:
        """Changes a subscription and sets its expiration date anew, after another handshake."""
        check_etag(record, etag)
        sent = self._settable(body, sets)
        if sent.get("subscriptionId", record["subscriptionId"]) != record["subscriptionId"]:
            raise dialog_error('The "subscriptionId" cannot be changed.')
        await self._handshake(sent.get("notificationUrl") or record["notificationUrl"])
        self._note(record["subscriptionId"], sent, sets)
        return self.company.change("subscriptions", record | sent | {"expirationDateTime": self._expiry()}, sent=sent)

    def _note(self, number: str, sent: Record, sets: Names) -> None:
        """Notes the stored name of the entity set that a subscription is for, if it is an extension's."""
        if "resource" in sent:
            public = entity_set_of(sent["resource"])
            noted = {} if sets[public] == public else {"entitySet": sets[public]}
            self.company.hide("subscriptions", number, noted)

    def _entity_set(self, subscription: Record) -> str:
        """The stored name of the entity set that a subscription is for."""
        noted = self.company.hidden("subscriptions", subscription["subscriptionId"])
        return str(noted.get("entitySet") or entity_set_of(subscription["resource"]))

    def _settable(self, body: Any, sets: Names) -> dict[str, str]:
        """What a client sent of the members that it may set.

        Read-only members are passed over: the documented request has them. Raises Refused for unknown members, other
        types, too long texts, and a resource without webhooks.
        """
        entity = self.company.entity("subscriptions")
        sent = {name: field_value(entity, name, value) for name, value in as_object(body).items() if "@" not in name}
        for name, most in SETTABLE.items():
            check_length(sent.get(name, ""), most)
        if sent.get("resource") and entity_set_of(sent["resource"]) not in sets:
            raise dialog_error(f"The resource '{sent['resource']}' does not support webhooks.")
        # An empty clientState is one. Of the other members, an empty one is none.
        return {name: value for name, value in sent.items() if name in SETTABLE and (value or name == "clientState")}

    def _new_id(self) -> str:
        counted = self.company.records.next_value("subscriptions")
        return uuid.uuid5(uuid.NAMESPACE_URL, f"subscription {counted}").hex

    def drop_expired(self) -> None:
        """Deletes the subscriptions that nobody renewed in time."""
        for subscription in self.company.records.select("subscriptions"):
            if subscription["expirationDateTime"] < self.company.now():
                self.company.drop("subscriptions", subscription)

    def remove(self, record: Record, etag: str | None) -> None:
        """Deletes a subscription."""
        check_etag(record, etag)
        self.company.drop("subscriptions", record, sent=True)

    def existing(self, subscription_id: str) -> Record:
        """The subscription with an id. Raises Refused if there is none."""
        record = self.company.get("subscriptions", subscription_id)
        if record is None:
            raise not_found("subscription")
        return record

    def on_change(self, entity: str, record: Record, kind: str) -> None:
        """Keeps a change for the subscriptions to its entity set. A changed line counts as a change of its document.

        Changes of one record are merged. The first change for a subscription starts the delay.
        """
        if entity in KIND_BY_LINES:
            header = KIND_BY_LINES[entity].header
            found = self.company.get(header, record["documentId"])
            entity, record, kind = header, found or {}, "updated"
        if not record or entity in UNSUPPORTED:
            return
        key = str(record[self.company.entity(entity).key])
        for subscription in self.company.records.select("subscriptions"):
            if self._entity_set(subscription) != entity:
                continue
            changes = self.pending.setdefault(subscription["subscriptionId"], {})
            before = changes.get(key)
            # A record that is created and then updated is still new to the subscriber.
            merged = "created" if before and before[0] == "created" and kind == "updated" else kind
            changes[key] = (merged, {"lastModifiedDateTime": record.get("lastModifiedDateTime", self.company.now())})
            if subscription["subscriptionId"] not in self.first_change:
                self.first_change[subscription["subscriptionId"]] = self.company.clock.now()
                self._start_task(self._flush(subscription["notificationUrl"]))

    async def _handshake(self, url: str) -> None:
        if not url.startswith("https://") and not url.startswith("http://127.0.0.1"):
            raise bad_request("The notificationUrl must begin with https.")
        token = uuid.uuid4().hex
        refusal = dialog_error("The subscription validation request to the notificationUrl failed.")
        try:
            async with httpx.AsyncClient(trust_env=False, verify=_authorities()) as client:
                answer = await client.post(
                    url, params={"validationToken": token}, timeout=HANDSHAKE_S / self.time_scale + REAL_S
                )
        except httpx.HTTPError as error:
            raise refusal from error
        if answer.status_code != 200 or answer.text.strip('"') != token:
            raise refusal

    def _expiry(self) -> str:
        return timestamp(self.company.clock.now() + LIFETIME)

    def _start_task(self, work: Any) -> None:
        # asyncio keeps only weak references to tasks, so the set keeps them alive.
        task = asyncio.get_running_loop().create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _flush(self, url: str) -> None:
        """Sends the changes of all subscriptions with one notificationUrl in one POST, after the delay."""
        await asyncio.sleep(DELAY_S / self.time_scale)
        receivers, value = [], []
        for subscription in self.company.all("subscriptions", "notificationUrl", url):
            notifications = self._notifications(subscription)
            value += notifications
            if notifications:
                receivers.append(subscription)
        if receivers:
            await self._deliver(url, value, receivers)

    def _notifications(self, subscription: Record) -> list[Record]:
        """Takes the pending changes of a subscription. A subscription that has expired is deleted instead."""
        key = subscription["subscriptionId"]
        changes, first = self.pending.pop(key, {}), self.first_change.pop(key, None)
        if subscription["expirationDateTime"] < self.company.now():
            self.company.drop("subscriptions", subscription)
            return []
        known = {name: subscription.get(name, "") for name in ("subscriptionId", "clientState", "expirationDateTime")}
        path = subscription["resource"]  # BC appends the key to what the subscriber sent (GetSingleEntityUrl)
        if len(changes) > COLLECTION_ABOVE and first:
            since = timestamp(first - OVERLAP)
            resource = f"{path}?$filter=lastModifiedDateTime%20gt%20{since}"
            return [
                known | {"resource": resource, "changeType": "collection", "lastModifiedDateTime": self.company.now()}
            ]
        return [
            known | {"resource": f"{path}({record_id})", "changeType": kind, **stamp}
            for record_id, (kind, stamp) in changes.items()
        ]

    async def _deliver(self, url: str, value: list[Record], subscriptions: list[Record]) -> None:
        """Sends notifications, and tries again after no answer, 408, 429 and 5xx.

        After any other refusal, and after the last attempt, the subscriptions are deleted.
        """
        for attempt in range(MAX_ATTEMPTS + 1):
            status = await self._post(url, value)
            if 200 <= status < 300:
                return
            if status and status not in RETRIED and status < 500:
                break
            await asyncio.sleep(RETRY_S[attempt] / self.time_scale)
        for subscription in subscriptions:
            if self.company.get("subscriptions", subscription["subscriptionId"]):
                self.company.drop("subscriptions", subscription)

    async def _post(self, url: str, value: list[Record]) -> int:
        """Sends one POST. Returns the status of the answer, or 0 if there was none."""
        headers = {"Content-Type": "application/json", "clientRequestId": str(uuid.uuid4())}
        headers["x-ms-correlation-id"] = str(uuid.uuid4())
        try:
            async with httpx.AsyncClient(trust_env=False, verify=_authorities()) as client:
                answer = await client.post(
                    url, content=dumps({"value": value}), headers=headers, timeout=SEND_S / self.time_scale + REAL_S
                )
        except httpx.HTTPError:
            return 0
        return answer.status_code


@cache
def _authorities() -> ssl.SSLContext:
    """Read once: that takes longer than a notification."""
    return httpx.create_ssl_context(trust_env=False)


def entity_set_of(resource: str) -> str:
    """The entity set that a resource names. A resource is a relative or an absolute address."""
    return resource.split("?")[0].rstrip("/").rpartition("/")[2].partition("(")[0]
