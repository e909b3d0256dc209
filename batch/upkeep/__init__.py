"""An output kept right over the years."""
