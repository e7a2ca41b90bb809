"""Ramp: bills for approval and payment, and what IFS must hear of them."""
