"""The company's data: its records, the schema of the entity sets, and what a field may hold.

Here belongs: what is true of every record, whoever asks for it. It imports nothing else of `bc`.
Not here: OData requests (odata/) and the rules of single entity sets (rules/).
"""
