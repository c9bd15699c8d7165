"""What a person at a desk asks: what waits for me, what would be written, is this order right, which setting is it."""
