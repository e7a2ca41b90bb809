"""Airbase: orders and vendors it learns from IFS, approved requests and payments that IFS must book."""
