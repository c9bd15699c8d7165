"""Typed settings of a connection. docs/settings.md explains them for people.

Here belongs: every setting, its type, default and unit.
"""

from ..secret_sources import SECRETS as SECRETS
from .connection import CONNECTIONS as CONNECTIONS
from .connection import SHIPPED_TABLES as SHIPPED_TABLES
from .connection import Settings as Settings
from .connection import prefix_of as prefix_of
from .flows import CustomerSettings as CustomerSettings
from .flows import FlowSettings as FlowSettings
from .flows import GuardSettings as GuardSettings
from .flows import Loss as Loss
from .flows import OrderSettings as OrderSettings
from .flows import OrderStatusSettings as OrderStatusSettings
from .flows import OrdersToWinstoreSettings as OrdersToWinstoreSettings
from .flows import ProductSettings as ProductSettings
from .flows import StockSettings as StockSettings
from .flows import Timing as Timing
from .flows import WhenGone as WhenGone
from .loading import Source as Source
from .loading import check_set as check_set
from .loading import load_settings as load_settings
from .loading import source_of as source_of
from .running import SHORTEST_KEY as SHORTEST_KEY
from .running import AuditSettings as AuditSettings
from .running import DashboardSettings as DashboardSettings
from .running import DatabaseSettings as DatabaseSettings
from .running import StateSettings as StateSettings
from .running import WorkerSettings as WorkerSettings
from .several import Beside as Beside
from .several import beside as beside
from .several import building_on as building_on
from .several import locations as locations
from .several import prefixes as prefixes
from .several import restrict as restrict
from .several import served_from as served_from
from .several import sharing as sharing
from .systems import BusinessCentralSettings as BusinessCentralSettings
from .systems import WinstoreSettings as WinstoreSettings
from .tables import KEPT as KEPT
from .tables import Tables as Tables
from .watching import AlertRoute as AlertRoute
from .watching import AlertSettings as AlertSettings
from .watching import CheckSettings as CheckSettings
from .watching import Kind as Kind
from .watching import LateSettings as LateSettings
from .watching import ReconcileSettings as ReconcileSettings
