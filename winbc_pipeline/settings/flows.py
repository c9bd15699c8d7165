"""Settings of what is kept in step: customers, products, orders, stock, and what holds a run up."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from pydantic import (
    Field,
    NonNegativeInt,
    PositiveInt,
)

from .section import Section

# What API v2.0 has no place for where an item has variants.
Loss = Literal["gtin", "price", "cost", "stock", "blocked"]
WhenGone = Literal["nothing", "report", "block"]


class ProductSettings(Section):
    """In which direction products go, what the SKUs of an article with colours and sizes become in Business Central,
    whether new items are open or blocked for sale, and what happens to items whose article is inactive in Winstore,
    came without their SKU, or is no longer given at all.

    `accept_losses` names what may be lost with `variants = "item_variants"`. `currency` is the currency of Winstore's
    prices (empty: not said). A company with another one gets none. `pictures` says whether pictures are sent: always,
    only to records that have none, or never. `picture_hosts` are the hosts from which a picture that is an address may
    be read. `price_list` is the code of the price list of Business Central that `app_price` is read from.
    """

    direction: Literal["to_bc", "to_winstore", "both"] = "to_bc"
    variants: Literal["items", "item_variants"] = "items"
    accept_losses: tuple[Loss, ...] = ()
    currency: str = Field(default="", pattern="^([A-Z]{3})?$")
    new_items: Literal["open", "blocked"] = "open"
    inactive: WhenGone = "report"
    missing_sku: WhenGone = "report"
    missing_article: WhenGone = "report"
    pictures: Literal["always", "create", "never"] = "always"
    picture_hosts: tuple[str, ...] = ()
    price_list: str = Field(default="", max_length=20)


class CustomerSettings(Section):
    """In which direction customers go, and how the customer of one system is found in the other.

    `match` names what finds a customer, the strongest first; what was found before comes before all of them.
    `winstore_ids` are the first and the last id that Winstore's customers get who were made in Business Central.
    """

    direction: Literal["to_bc", "to_winstore", "both"] = "to_bc"
    match: tuple[Literal["id", "email", "vat", "phone", "name_postcode"], ...] = ("id", "email")
    winstore_ids: tuple[PositiveInt, PositiveInt] = (800_000_000, 899_999_999)


class OrderSettings(Section):
    """Which orders of Winstore become which documents of Business Central, for which customers, and what happens to an
    order that changes or is there already.

    Statuses and payment methods are Winstore's words; capitals do not matter. `total_tolerance` is the most that the
    total of an order may be off, in its currency, however many lines it has. `stop_after` is a number of documents in
    a row that failed with one code or have a wrong total, 0 for never.
    """

    document: Literal["order", "invoice", "invoice_when_completed"] = "order"
    statuses: tuple[str, ...] = ()
    completed_statuses: tuple[str, ...] = ("completed",)
    paid_statuses: tuple[str, ...] = ("paid", "processing", "shipped", "completed")
    cancelled_statuses: tuple[str, ...] = ("cancelled",)
    refunded_statuses: tuple[str, ...] = ("refunded",)
    payment_rules: dict[str, Literal["always", "never", "when_paid"]] = {}
    give_up_after_days: PositiveInt | None = None
    on_existing: Literal["error", "warn", "skip"] = "warn"
    on_change: Literal["hold", "apply"] = "hold"
    on_cancel: Literal["hold", "apply"] = "hold"
    credit_memo: bool = False
    customers: Literal["create", "create_and_update", "never"] = "create"
    default_customer: str = ""
    force_default_customer: bool = False
    default_customers_by_country: dict[str, str] = {}
    on_total: Literal["fail", "warn"] = "fail"
    total_tolerance: Decimal = Field(default=Decimal("5.00"), ge=0)
    rounding_account: str = ""
    rounding_tax_code: str = ""
    write_back: bool = False
    batch_size: int = Field(default=20, ge=1, le=100)
    stop_after: NonNegativeInt = 20


class OrdersToWinstoreSettings(Section):
    """Which documents of Business Central go to Winstore as orders, and how an order whose answer was lost is found."""

    documents: Literal["orders", "invoices", "both"] = "orders"
    statuses: tuple[str, ...] = ("Open", "Paid")
    reference_prefix: str = Field(default="WS-", pattern=r"^[A-Z0-9-]+$")
    look_up: Literal["none", "GetOrderChangesByDate"] = "none"


class OrderStatusSettings(Section):
    """What happens to an order of Winstore that is no longer in Business Central."""

    missing: Literal["ignore", "cancelled"] = "ignore"


class StockSettings(Section):
    """Who owns the stock of each group of warehouses, what counts as stock, and how often both sides are compared.

    `owners` holds the groups of `lookups/stock_groups.csv` that `owner` does not own. `warehouse` is Winstore's
    warehouse that shows the stock of Business Central, `locations` the locations there that count. `calls_per_hour` is
    a number of calls to each system by the sweep. `zero_share_percent` is a share of the SKUs that are known in the
    target, `zero_at_least` a number of SKUs.
    """

    owner: Literal["winstore", "bc"] = "winstore"
    owners: dict[str, Literal["winstore", "bc"]] = {}
    warehouse: str = ""
    drafts: bool = False
    locations: tuple[str, ...] = ()
    manage_stock: Literal["leave", "on", "off"] = "leave"
    sweep_minutes: int = Field(default=15, ge=1, le=60)
    full_sweep_hours: PositiveInt = 6
    calls_per_hour: PositiveInt = 200
    low: NonNegativeInt = 5
    zero_share_percent: NonNegativeInt = 20
    zero_at_least: NonNegativeInt = 50
    history_days: PositiveInt = 30


class GuardSettings(Section):
    """How many records of master data or stock a run may create, and how many it may update, before a person is asked.

    `share_percent` is a share of the records that the flow has in the target; `at_least` is a number of records that is
    always allowed.
    """

    enabled: bool = True
    share_percent: NonNegativeInt = 20
    at_least: NonNegativeInt = 50


class FlowSettings(Section):
    """When one flow runs. What is None is as the settings of the same connection say for all flows."""

    sensors: bool | None = None
    schedules: bool | None = None
    safe_mode: bool | None = None
    sensor_seconds: PositiveInt | None = None
    cron: str | None = None


@dataclass(frozen=True)
class Timing:
    """When a flow runs.

    Attributes:
        sensor_seconds: seconds from one question to the source to the next.
        cron: when the sweep runs (UTC).
        sensors: whether its sensor starts switched on.
        schedules: whether its schedules start switched on.
    """

    sensor_seconds: int
    cron: str
    sensors: bool
    schedules: bool
