"""How fields translate: CSV tables, formulas, and their compilation to one SELECT."""
