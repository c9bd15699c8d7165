"""The Business Central sandbox: API v2.0 and v1.0, as strict as the real ones. What is simplified: docs/sandbox.md.

Imports point one way: app -> webhooks, v1, extensions -> api -> rules -> odata -> data.
Facts about fields: facts/business_central_v2.json. Behaviour: Microsoft's documentation and source (behaviour.md).
"""
