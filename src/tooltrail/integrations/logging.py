"""Put the ids of the running call on every log line: a filter for the standard `logging`.

    "filters": {"call": {"()": "tooltrail.integrations.logging.ContextFilter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "filters": ["call"], ...}},

A filter belongs on a handler: on a logger it does not see what comes from the loggers below.
"""

import logging

from .._running import running

NO_CALL = "-"  # what a record has where no call runs, so that a format string never fails


class ContextFilter(logging.Filter):
    """Gives each record `request_id`, `trace_id`, `tool` and `command`; lets every record pass.

    What a record has already (from `extra`) stays. Where no call runs, each is `-`.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Add the ids, and return True."""
        call = running()
        for name in ("request_id", "trace_id", "tool", "command"):
            if not hasattr(record, name):
                setattr(record, name, NO_CALL if call is None else getattr(call, name))
        return True
