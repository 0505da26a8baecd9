"""Letters, follow-ups and surveys, as acts of somebody."""
