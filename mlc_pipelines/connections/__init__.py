"""Settings of tenants, and the vault that holds their secrets and tokens."""
