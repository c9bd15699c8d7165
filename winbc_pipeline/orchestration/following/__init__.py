"""Follows both systems: what the sensors ask, and when they request a run."""
