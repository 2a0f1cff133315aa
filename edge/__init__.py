"""The runtime of the store box. Start reading at `edge/checkin.py`."""

import os

# The box's matrices are small: BLAS threads would only spin beside the one thread that serves.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# ONNX Runtime reports its use to its makers unless told not to, before it is first imported.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
