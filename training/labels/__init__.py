"""What is said: labels made plain, as symbols, as batches."""
