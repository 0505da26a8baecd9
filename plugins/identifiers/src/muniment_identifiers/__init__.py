"""Field kinds."""
