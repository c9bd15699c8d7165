"""The Business Central sandbox: API v2.0 as strict as the real one. What is the same and what is not: docs/sandbox.md.

Field facts: facts/business_central_v2.json. Behaviour: Microsoft's documentation and source (behaviour.md).
"""
