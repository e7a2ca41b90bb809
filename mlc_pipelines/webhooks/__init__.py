"""The receiver of webhooks: verify, store in the inbox, answer."""
