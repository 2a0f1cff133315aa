"""Training, evaluation and export of what a box serves; of the box it knows the core alone."""

import os

# Features are many small products: BLAS threads spin longer than they work, and one thread keeps
# sums in one order. It must be set before numpy is first imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# ONNX Runtime reports its use to its makers unless told not to, before it is first imported.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
