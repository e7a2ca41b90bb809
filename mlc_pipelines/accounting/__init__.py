"""Money, code strings and document sums; no input or output."""
