"""The dashboard: the page for people who would rather look than type, and the guarded door before Dagster's UI.

Here belongs: what a browser sees. What the pages say comes from `workbench/`, `health/` and what runs publish.
"""
