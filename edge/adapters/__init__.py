"""The rim of the box, grouped by technology; the groups do not know each other."""
