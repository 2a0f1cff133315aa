"""What the box decides, without I/O: values, rules and arithmetic over numpy arrays.

Nothing in here reads a clock, a file or a random source; all three are arguments.
"""
