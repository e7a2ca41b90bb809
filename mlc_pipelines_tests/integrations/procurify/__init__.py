"""Procurify: settings, client and mapping."""
