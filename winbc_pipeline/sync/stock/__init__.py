"""Stock: figures that the source owns and that are only ever overwritten.

The records engine (sync/records/) plans and sends them. Here belongs what stock alone needs: groups and rules
(rules.py), Winstore's stock as a target (winstore_stock.py), and the sweep that compares both sides (sweep.py).
"""
