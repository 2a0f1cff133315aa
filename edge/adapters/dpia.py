"""Prints the draft of the impact assessment: `python -m edge.adapters.dpia > docs/dpia.md`."""

import sys

from edge.core.dpia import dpia

if __name__ == "__main__":
    sys.stdout.write(dpia())
