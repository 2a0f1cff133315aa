"""The runtime of the store box. Start reading at `edge/checkin.py`."""
