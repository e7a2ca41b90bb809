-- Dagster's own database, beside that of ledger and vault.
CREATE DATABASE dagster OWNER mlc;
