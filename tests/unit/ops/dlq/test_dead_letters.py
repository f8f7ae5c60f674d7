"""What stands on a dead-letter topic is read as far as it can be: one record must not hide the others."""

import pytest

from ops.dlq.dead_letters import read_dead_letter
from tests.unit.ops.dlq.records import Record


@pytest.mark.parametrize("odd", [b"", b"x", b"\xff", b"-1", b"1.5", "١".encode(), b"9" * 5_000, None])
@pytest.mark.parametrize("name", ["partition", "offset", "timestamp"])
def test_a_place_that_is_no_number_is_read_as_none(name: str, odd: bytes | None) -> None:
    headers = (("dlq_code", b"why"), (f"dlq_{name}", odd), ("x", b"mine"))
    read = read_dead_letter("structure_svc", Record("structure_svc.dlq", 1, 3, value=b"{}", headers=headers))  # type: ignore[arg-type]
    assert getattr(read.original, name) == 0
    assert read.summary()["code"] == "why"
