"""BILL: vendors and bills for payment, and what IFS must hear of them."""
