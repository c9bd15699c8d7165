"""Documents: many parts make one record of the target, which no number of ours protects (exactly_once.md).

candidates.py reads what was mapped, existing.py looks where a document may be already, customers.py finds for whom it
is, plan.py decides, changes.py says what an edited record would change, hashes.py keeps what was sent, push.py sends,
duplicates.py looks once more. differences.py compares a document that was found with its order.
"""

from .plan import plan
from .push import push

__all__ = ["plan", "push"]
