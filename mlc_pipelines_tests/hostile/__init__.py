"""Hostile answers: what the simulators said, damaged, on the real road with the line itself left out."""
