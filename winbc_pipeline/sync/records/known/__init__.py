"""What is known of a record from before: by staging and pairs, which side changed a field, what its pair becomes."""
