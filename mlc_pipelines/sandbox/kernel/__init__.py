"""What every simulator stands on: server, clock, faults, journal, rate limit, control endpoints."""
