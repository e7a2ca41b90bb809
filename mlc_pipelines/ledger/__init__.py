"""The record of every record: entries, events, intents, bindings, watermarks, inbox and leases."""
