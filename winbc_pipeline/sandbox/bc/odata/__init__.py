"""The OData protocol: calls and batches, paths, query options, pages, and reading and writing any entity set.

Here belongs: what holds for every entity set alike. It imports `data` only.
Not here: the rules of single entity sets. The modules of rules/ register those in `odata.writing.RULES`.
"""
