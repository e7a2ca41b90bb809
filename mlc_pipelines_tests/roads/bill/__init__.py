"""Whole flows between IFS Cloud and BILL."""
