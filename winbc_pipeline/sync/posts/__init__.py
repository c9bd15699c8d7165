"""Records that Winstore is handed one by one: the plan, and its sending. Concept page: docs/orders-to-winstore.md."""

from .plan import plan
from .push import push
from .resolve import resolve

__all__ = ["plan", "push", "resolve"]
