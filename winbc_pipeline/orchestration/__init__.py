"""When it happens: assets, partitions, checks, jobs, sensors and schedules. The only place that knows Dagster.

Concepts: docs.dagster.io, Assets and Partitions.
"""
