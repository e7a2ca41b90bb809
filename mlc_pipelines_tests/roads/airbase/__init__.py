"""Whole flows between IFS Cloud and Airbase, both simulators behind them."""
