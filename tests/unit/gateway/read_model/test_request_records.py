"""The row of a request knows its structure, however much of it whoever asked was told."""

from typing import Any

import pytest

from gateway.read_model.request_records import record


@pytest.mark.parametrize(
    ("outcome", "structure"),
    [
        ({"reference": {"structure": {"id": 42}}}, 42),
        ({"reference": {"structure": {"identifier": {"type": "AUTRE", "value": "X"}}}, "document": "structure:42"}, 42),
        ({"reference": {"structure": {"identifier": {"type": "AUTRE", "value": "X"}}}}, None),
        ({"reference": {"user": "alice"}, "document": "user:42"}, None),
        ({"document": "structure:x"}, None),
        ({}, None),
    ],
)
def test_the_structure_of_a_request_is_named_by_its_reference_or_its_document(
    outcome: Any, structure: int | None
) -> None:
    step = {"owner": "structure", "request_id": "r", "actor": "sam", "status": "rejected", "at": "2026-01-01T00:00:00Z"}
    assert record({**step, **outcome})["structure"] == structure
