"""Structured logs: one JSON object a line on standard output, with the request and correlation ids when known."""

import logging
import sys
import traceback
from typing import TYPE_CHECKING

import structlog

from shared.errors import Error

if TYPE_CHECKING:
    from structlog.typing import EventDict, FilteringBoundLogger, Processor

_FRAMES, _LONGEST_CHAIN = 12, 5


def configure(process: str, level: str = "INFO") -> None:
    """Send every log of this process, libraries' included, through one JSON formatter."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _without_values,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)  # Libraries log only warnings and errors; our own loggers follow `level`.
    structlog.contextvars.bind_contextvars(process=process)


def _without_values(_: object, __: str, event: "EventDict") -> "EventDict":
    """Replace an exception by its traceback and the types of the errors that led to it.

    Most error messages are left out, since they may quote personal data: the input of a validation, the document of a
    failed write. Those of the network, of Kafka and of our own errors quote no such data.
    """
    info = event.pop("exc_info", None)
    error = sys.exc_info()[1] if info is True else info[1] if isinstance(info, tuple) else info
    chain: list[str] = []
    while isinstance(error, BaseException) and len(chain) < _LONGEST_CHAIN:
        frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
        places = [f"  {frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
        kind = f"{type(error).__module__}.{type(error).__qualname__}"
        harmless = isinstance(error, OSError | Error) or kind.startswith("aiokafka.")
        chain.append("\n".join([f"{kind}: {error}" if harmless else kind, *places]))
        error = error.__cause__ or error.__context__
    if chain:
        event["exception"] = "\nbecause of ".join(chain)
    return event


def get_logger(name: str) -> "FilteringBoundLogger":
    """Return the logger of a module."""
    logger: FilteringBoundLogger = structlog.get_logger(name)
    return logger
