"""What people ask about stock."""
