"""What went wrong, in a sentence that says what to do: no traceback for what an operator can correct."""

import logging
import os
from collections import deque
from collections.abc import Callable
from typing import Any

import structlog
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    KafkaConnectionError,
    KafkaError,
    TopicAuthorizationFailedError,
)
from confluent_kafka import KafkaException
from pydantic import ValidationError

from shared.errors import Transient
from shared.mongo.client import OperationFailure, PyMongoError
from shared.runtime.settings import unusable

_HEARD: deque[str] = deque(maxlen=20)
_WRONG_PASSWORD, _UNAUTHORIZED = 18, 13
"""Codes of MongoDB's errors."""


class OpsError(Exception):
    """Something an operator can correct; the text says what and how."""


class _Listener(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        _HEARD.append(record.getMessage())


def listen() -> None:
    """Hold back what libraries log: what of it explains an error is printed with the error."""
    for name in ("aiokafka", "pymongo"):
        logger = logging.getLogger(name)
        logger.propagate = False
        logger.addHandler(_Listener(logging.WARNING))
    # What our own modules log is for processes: a command prints its errors itself.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


def heard(text: str) -> None:
    """Remember what a library reported in another way."""
    _HEARD.append(text)


def explain(error: BaseException) -> str | None:
    """Return what to print, or None for an error nobody foresaw, whose traceback is worth seeing."""
    return next((text(error) for kinds, text in _EXPLAINED if isinstance(error, kinds)), None)


def _settings(error: ValidationError) -> str:
    return f"unusable settings in the environment. {unusable(error) or error}"


def _user() -> str:
    return os.environ.get("KAFKA_USER", "?")


def _forbidden(error: object) -> str:
    return (
        f"Kafka lets the user {_user()} not do this, or it does not exist: {error}. `topics provision` makes what is "
        "missing; ACLs follow the table in shared/contracts/topics.py."
    )


def is_refused() -> bool:
    """Return whether Kafka refused the password."""
    return any("uthentication" in line for line in _HEARD)


def _kafka_away(_: BaseException) -> str:
    if is_refused():
        return f"Kafka refuses the password of the user {_user()}: check KAFKA_USER and KAFKA_PASSWORD."
    where = os.environ.get("KAFKA_BOOTSTRAP", "127.0.0.1:9092")
    last = f" ({_HEARD[-1]})" if _HEARD else ""
    return f"Kafka does not answer at {where}: check KAFKA_BOOTSTRAP and KAFKA_TLS_CA, and that it runs{last}."


def _librdkafka(error: BaseException) -> str:
    reason = error.args[0]
    if reason.name() in {"_TRANSPORT", "_ALL_BROKERS_DOWN", "_AUTHENTICATION", "_TIMED_OUT"}:
        return _kafka_away(error)
    if reason.name().endswith("AUTHORIZATION_FAILED"):
        return _forbidden(reason.str())
    return f"Kafka says: {reason.str()}"


def _mongodb(error: PyMongoError) -> str:
    if isinstance(error, OperationFailure) and error.code == _WRONG_PASSWORD:
        return "MongoDB refuses the password: check the user and the password in the URI, and its authSource."
    if isinstance(error, OperationFailure) and error.code == _UNAUTHORIZED:
        return "MongoDB lets this user not do this: docs/operate.md says which user each command needs."
    return f"MongoDB does not answer as expected: {str(error)[:300]}"


_EXPLAINED: tuple[tuple[type | tuple[type, ...], Callable[[Any], str]], ...] = (
    (OpsError, str),
    (ValidationError, _settings),
    ((TopicAuthorizationFailedError, GroupAuthorizationFailedError), _forbidden),
    (KafkaConnectionError, _kafka_away),
    (KafkaError, lambda e: f"Kafka says: {e}"),
    (KafkaException, _librdkafka),
    (PyMongoError, _mongodb),
    (TimeoutError, _kafka_away),
    (Transient, lambda e: f"{e}. Is the issuer reachable, and are its client and secret right (OPS_CLIENT_*)?"),
)
