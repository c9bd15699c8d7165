"""What holds for some records only: addresses, dimensions, parents, pictures, privacy, stock, and what is gone."""
