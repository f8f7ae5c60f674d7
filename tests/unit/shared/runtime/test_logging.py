"""What a log line holds: where an error came from, and nothing of what it was about."""

import json
import logging
from collections.abc import Iterator

import pytest
import structlog
from pydantic import ValidationError

from shared.contracts.messages.manager import RegisterUser
from shared.runtime.logging import configure, get_logger

SECRET = "pas-une-adresse"


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def _line(capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    (line,) = capsys.readouterr().out.splitlines()
    logged: dict[str, object] = json.loads(line)
    return logged


@pytest.mark.parametrize("library", [False, True])
def test_an_exception_is_told_by_its_kind_and_place_without_its_values(
    capsys: pytest.CaptureFixture[str], *, library: bool
) -> None:
    configure("toy")
    log = logging.getLogger("library") if library else get_logger("ours")
    try:
        try:
            RegisterUser.model_validate({"email": SECRET})
        except ValidationError as error:
            raise RuntimeError(f"broken by {SECRET}") from error
    except RuntimeError:
        log.exception("it broke")
    logged = _line(capsys)
    assert (logged["event"], logged["level"], logged["process"]) == ("it broke", "error", "toy")
    assert SECRET not in json.dumps(logged)
    assert str(logged["exception"]).startswith("builtins.RuntimeError\n")
    assert "because of pydantic_core._pydantic_core.ValidationError" in str(logged["exception"])
    assert "test_logging.py" in str(logged["exception"])


def test_what_the_network_says_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    configure("toy")
    try:
        raise ConnectionRefusedError(111, "Connect call failed")
    except OSError:
        get_logger("ours").exception("away")
    assert "ConnectionRefusedError: [Errno 111] Connect call failed" in str(_line(capsys)["exception"])


def test_a_line_without_an_exception_says_nothing_of_one(capsys: pytest.CaptureFixture[str]) -> None:
    configure("toy")
    get_logger("ours").warning("odd", exc_info=None, count=3)
    logged = _line(capsys)
    assert "exception" not in logged
    assert logged["count"] == 3
