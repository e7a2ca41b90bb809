"""The road under every order of what people, time and bad luck can do; an oracle says what must come of it."""
