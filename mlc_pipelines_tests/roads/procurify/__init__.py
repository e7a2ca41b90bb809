"""Roads between Procurify and IFS: whole flows, with both simulators."""
