"""What is known of a record from before: who its partner is, and which side changed a field since both agreed."""
