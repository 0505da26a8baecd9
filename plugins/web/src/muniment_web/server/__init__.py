"""What one serving process holds, whether it answers with pages or with JSON."""
