"""What people ask about stock: why a SKU has its figure, and what a first load is worth."""
