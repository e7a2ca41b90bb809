"""A target that writes down when each request arrived, for harnesses that count what came too late or too often."""
