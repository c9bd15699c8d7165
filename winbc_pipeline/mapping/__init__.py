"""The mapping of fields: CSV tables and formulas, each table compiled to one SELECT."""
