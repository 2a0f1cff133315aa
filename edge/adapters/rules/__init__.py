"""The orders of people, as they write them: a TOML file, checked whole, live within a second."""
