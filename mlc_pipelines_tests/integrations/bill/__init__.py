"""Tests of the BILL integration: settings, dictionary, errors, webhooks, and the client against the simulator."""
