"""IFS Cloud in IFS's words: the OData client, one module for each subject, and the check of a connection."""
