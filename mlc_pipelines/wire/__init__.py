"""Manners on the line: HTTP, authentication, rate budget, retry, paging, redaction."""
