"""The commands of `mlc`, one module a group."""
