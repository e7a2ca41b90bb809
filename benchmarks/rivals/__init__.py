"""Those we are compared with: programs that run in environments of their own, and how these are made."""
