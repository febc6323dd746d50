"""Structured logs: one line an event, JSON or for a console; no secret, no token, no person."""

import json
import logging
import sys
from typing import TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from pairing_server.settings import LogFormat

_encode = json.JSONEncoder(default=repr).encode


class _Lines:
    """Writes our own lines where the libraries' go, but makes no record of each.

    A server writes one for each request, and the record costs three times what the line does.
    """

    def __init__(self, handler: logging.StreamHandler[TextIO]) -> None:
        self._handler = handler

    def msg(self, line: str) -> None:
        """Write a line, whole whoever else writes."""
        handler = self._handler
        handler.acquire()
        try:
            handler.stream.write(line + handler.terminator)
            handler.flush()
        except Exception:  # noqa: BLE001  (as a handler does: nobody fails for the log)
            handler.handleError(logging.makeLogRecord({}))
        finally:
            handler.release()

    debug = info = warning = error = critical = msg


def _json(_: WrappedLogger, __: str, event: EventDict) -> str:
    return _encode(event)


def configure(level: str, log_format: LogFormat) -> None:
    """Send our own log lines and the libraries' to standard error, in one form."""
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: Processor = (
        _json
        if log_format is LogFormat.JSON
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    number = logging.getLevelNamesMapping()[level.upper()]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                renderer,
            ],
        )
    )
    lines = _Lines(handler)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(number)
    structlog.configure(
        processors=[*shared, structlog.processors.format_exc_info, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=lambda *_: lines,
        cache_logger_on_first_use=False,
    )
