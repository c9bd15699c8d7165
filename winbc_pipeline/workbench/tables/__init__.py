"""Questions about mapping tables: their own tests, the values that they name, a lookup table from staged values."""
