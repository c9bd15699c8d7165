"""Whether both systems agree now, record by record and field by field, whatever was sent before.

findings.py says what can be found. scratch.py keeps how far a comparison is. records.py, documents.py, actions.py and
to_winstore.py compare, each for its kind of flow; target.py lists what the target has. whole.py puts them together.
repair.py makes both agree. counts.py only counts and sums.
"""
