"""One folder is one spend system."""
