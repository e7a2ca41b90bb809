"""What moves between Procurify and IFS Cloud: one module, one kind of record."""
