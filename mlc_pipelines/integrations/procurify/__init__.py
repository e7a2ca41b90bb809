"""Procurify: approved bills become supplier invoices in IFS; nothing is ever written in Procurify."""
