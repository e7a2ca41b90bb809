"""The flows of paper are at the desk."""
