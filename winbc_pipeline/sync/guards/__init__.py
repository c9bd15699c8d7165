"""What a person must have seen before it happens: a run that would write much more than usual, a source that shrank,
and in safe mode each plan.

writes.py counts what a run would write, holds what is too much, and knows what a person has approved. source.py
compares each whole read of a source with the one before. Both hold for flows that are `guarded` (sync/flow.py), unless
`guards.enabled` is false. safe_mode.py says of which flows everything is held; each flow may have it.
"""

from ..connected import ConnectedFlow


def is_on(connected: ConnectedFlow) -> bool:
    """Whether the guards hold for a flow in its connection."""
    return connected.flow.guarded and connected.settings.guards.enabled
