"""Structured logs: one JSON object a line, fields from a fixed list, no personal datum.

A log line can only hold the fields named here; a person, a beacon or a member id is none of them.
"""

import json
import logging
import sys
from typing import Any, TextIO

FIELDS = frozenset(
    {"reason", "count", "part", "version", "port", "took_ms", "family", "detail", "zone", "path"}
)


class JsonLines(logging.Formatter):
    """Formats a record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line; an exception is named by type and place, never by its text."""
        line: dict[str, Any] = {
            "at": round(record.created, 3),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": str(record.msg),
        }
        line |= {key: value for key, value in record.__dict__.items() if key in FIELDS}
        if record.exc_info and record.exc_info[0] is not None:
            line["error"] = record.exc_info[0].__name__
            line["where"] = _place(record.exc_info[2])
        return json.dumps(line, ensure_ascii=False)


def start_logging(stream: TextIO = sys.stderr, level: int = logging.INFO) -> None:
    """Send every log of the process through `JsonLines`.

    Libraries log at WARNING and above: below it uvicorn writes addresses and paho writes topics.
    """
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines())
    logging.root.handlers = [handler]
    logging.root.setLevel(logging.WARNING)
    logging.getLogger("stammgast").setLevel(level)


def _place(traceback: Any) -> str:
    while traceback.tb_next is not None:
        traceback = traceback.tb_next
    return f"{traceback.tb_frame.f_code.co_filename.rpartition('/')[2]}:{traceback.tb_lineno}"
