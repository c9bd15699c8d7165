"""Shops with both systems in this process, and what people on both sides do to them."""
