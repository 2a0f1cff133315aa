"""What the box measures about itself; each module runs alone and ends with one line of JSON."""
