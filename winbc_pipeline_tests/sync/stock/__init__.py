"""Stock in both directions."""
