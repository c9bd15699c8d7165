"""Subscriptions: handshake, delayed and merged notifications, retries, deletion on refusal (behaviour.md section 9).

All waiting is divided by the time scale, so that 30 seconds can be a blink.
"""

import asyncio
import uuid
from datetime import datetime, timedelta
from typing import Any

import httpx

from ..control import timestamp
from ..records import Record, dumps
from .data.company import Company
from .data.refusal import bad_request, dialog, not_found
from .data.schema import EntitySet
from .data.values import as_object
from .odata.writing import match_etag
from .rules.sales import BY_LINES

LIMIT, LIFETIME = 200, timedelta(days=3)
DELAY_S, HANDSHAKE_S, SEND_S = 30.0, 5.0, 30.0
COLLECTION_ABOVE, OVERLAP = 1000, timedelta(milliseconds=50)
RETRY_S = (60, 60, 60, 600, 6000, 60000)
MOST_ATTEMPTS = 5
RETRIED = {408, 429}
UNSUPPORTED = {
    "attachments",
    "documentAttachments",
    "pictures",
    "pdfDocument",
    "dimensionSetLines",
    "contactsInformation",
    "agedAccountsReceivables",
    "customerFinancialDetails",
    "customerSales",
    "companies",
    "subscriptions",
    *BY_LINES,
}
Change = tuple[str, Record]


class Webhooks:
    """The subscriptions of one company and what they still have to be told."""

    def __init__(self, company: Company, time_scale: float = 1) -> None:
        self.company, self.time_scale = company, time_scale
        self.pending: dict[str, dict[str, Change]] = {}
        self.first: dict[str, datetime] = {}
        self.tasks: set[asyncio.Task[None]] = set()
        company.watchers.append(self.note)

    @property
    def entity(self) -> EntitySet:
        return self.company.entity("subscriptions")

    async def subscribe(self, body: Any) -> Record:
        """A new subscription, once its address has answered the handshake."""
        if not as_object(body).get("notificationUrl") or not body.get("resource"):
            raise bad_request("The notificationUrl and the resource must be provided.")
        if self.company.records.count("subscriptions") >= LIMIT:
            raise dialog(f"The number of subscriptions is limited to {LIMIT}.")
        resource = self._resource(str(body["resource"]))
        await self._handshake(str(body["notificationUrl"]))
        known = {name: str(body[name]) for name in ("notificationUrl", "clientState") if name in body}
        number = uuid.uuid5(uuid.NAMESPACE_URL, f"subscription {self.company.records.next('subscriptions')}").hex
        record = {"subscriptionId": number, "resource": resource, "expirationDateTime": self._expiry(), **known}
        return self.company.add("subscriptions", record, sent=body)

    async def renew(self, record: Record, body: Any, etag: str | None) -> Record:
        match_etag(record, etag)
        sent = {
            name: str(value) for name, value in as_object(body).items() if name in ("notificationUrl", "clientState")
        }
        await self._handshake(str(sent.get("notificationUrl", record["notificationUrl"])))
        return self.company.change("subscriptions", record | sent | {"expirationDateTime": self._expiry()}, sent=sent)

    def remove(self, record: Record, etag: str | None) -> None:
        match_etag(record, etag)
        self.company.drop("subscriptions", record, sent=True)

    def found(self, subscription_id: str) -> Record:
        record = self.company.get("subscriptions", subscription_id)
        if record is None:
            raise not_found("subscription")
        return record

    def note(self, entity: str, record: Record, kind: str) -> None:
        """Told by the company of every change; a line counts as its document."""
        if entity in BY_LINES:
            header = BY_LINES[entity].header
            found = self.company.get(header, record["documentId"])
            entity, record, kind = header, found or {}, "updated"
        if not record or entity in UNSUPPORTED:
            return
        key = str(record[self.company.entity(entity).key])
        for subscription in self.company.all("subscriptions", "resource", entity):
            own = self.pending.setdefault(subscription["subscriptionId"], {})
            before = own.get(key)
            merged = "created" if before and before[0] == "created" and kind == "updated" else kind
            own[key] = (merged, {"lastModifiedDateTime": record.get("lastModifiedDateTime", self.company.now())})
            if subscription["subscriptionId"] not in self.first:
                self.first[subscription["subscriptionId"]] = self.company.clock.now()
                self._later(self._flush(subscription["notificationUrl"]))

    async def _handshake(self, url: str) -> None:
        if not url.startswith("https://") and not url.startswith("http://127.0.0.1"):
            raise bad_request("The notificationUrl must begin with https.")
        token = uuid.uuid4().hex
        refusal = dialog("The subscription validation request to the notificationUrl failed.")
        try:
            async with httpx.AsyncClient(trust_env=False) as client:
                answer = await client.post(
                    url, params={"validationToken": token}, timeout=HANDSHAKE_S / self.time_scale + 1
                )
        except httpx.HTTPError as error:
            raise refusal from error
        if answer.status_code != 200 or answer.text.strip('"') != token:
            raise refusal

    def _resource(self, resource: str) -> str:
        """The entity set that a resource, relative or absolute, is about."""
        name = resource.split("?")[0].rstrip("/").rpartition("/")[2].partition("(")[0]
        if name not in self.company.schema or name in UNSUPPORTED:
            raise dialog(f"The resource '{resource}' does not support webhooks.")
        return name

    def _expiry(self) -> str:
        return timestamp(self.company.clock.now() + LIFETIME)

    def _later(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _flush(self, url: str) -> None:
        """One POST for all subscriptions of an address, after the delay."""
        await asyncio.sleep(DELAY_S / self.time_scale)
        subscriptions = self.company.all("subscriptions", "notificationUrl", url)
        entries = [(subscription, self._notifications(subscription)) for subscription in subscriptions]
        told = [subscription for subscription, own in entries if own]
        if told:
            await self._deliver(url, [entry for _, own in entries for entry in own], told)

    def _notifications(self, subscription: Record) -> list[Record]:
        key = subscription["subscriptionId"]
        changes, first = self.pending.pop(key, {}), self.first.pop(key, None)
        if subscription["expirationDateTime"] < self.company.now():
            self.company.drop("subscriptions", subscription)
            return []
        known = {name: subscription.get(name, "") for name in ("subscriptionId", "clientState", "expirationDateTime")}
        path = f"api/v2.0/companies({self.company.id})/{subscription['resource']}"
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
        """Tries again on no answer, 408, 429 and 5xx; another refusal, or the last attempt, ends the subscriptions."""
        for attempt in range(MOST_ATTEMPTS + 1):
            status = await self._sent(url, value)
            if 200 <= status < 300:
                return
            if status and status not in RETRIED and status < 500:
                break
            await asyncio.sleep(RETRY_S[attempt] / self.time_scale)
        for subscription in subscriptions:
            if self.company.get("subscriptions", subscription["subscriptionId"]):
                self.company.drop("subscriptions", subscription)

    async def _sent(self, url: str, value: list[Record]) -> int:
        """The status of the answer; 0 for none."""
        headers = {"Content-Type": "application/json", "clientRequestId": str(uuid.uuid4())}
        headers["x-ms-correlation-id"] = str(uuid.uuid4())
        try:
            async with httpx.AsyncClient(trust_env=False) as client:
                answer = await client.post(
                    url, content=dumps({"value": value}), headers=headers, timeout=SEND_S / self.time_scale + 1
                )
        except httpx.HTTPError:
            return 0
        return answer.status_code
