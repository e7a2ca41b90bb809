"""The integration of paper: three flows between two desks."""
