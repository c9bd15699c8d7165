"""What people ask about one product: what both systems have of it, and what is not carried (side_by_side.py)."""
