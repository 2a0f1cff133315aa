"""What central IT runs: keys, enrolment, updates. Never needed on a box."""
