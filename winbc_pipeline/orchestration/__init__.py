"""When it happens: assets, partitions, checks, jobs, sensors and schedules. Only this folder knows Dagster.

Concepts: docs.dagster.io, Assets and Partitions.
"""
