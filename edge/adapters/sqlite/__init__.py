"""What the box remembers: two SQLite files, encrypted per person, written by one thread."""
