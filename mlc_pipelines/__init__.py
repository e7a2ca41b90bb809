"""Carries finance records between IFS Cloud and spend systems; none is lost, none is posted twice."""
