"""A folder of integrations that only the tests know; it is found like any other."""
