"""Simulators of the systems we speak to, over real HTTP on loopback; they use nothing else of this project."""
