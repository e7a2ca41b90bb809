"""BILL's flows, one module a flow, in the order in which a run works them."""
