"""What stands in a path or a query has one writing: what something would read as a number or an instant is none."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from gateway.api import parameters
from gateway.api.parameters import MinVersion, Moment, StructureId, refuse_unknown
from shared.contracts.messages.common import LARGEST_INTEGER
from shared.errors import Rejected
from tests.unit.gateway.api.calls import call

_ID: TypeAdapter[int] = TypeAdapter(StructureId)
_VERSION: TypeAdapter[int] = TypeAdapter(MinVersion)
_MOMENT: TypeAdapter[datetime] = TypeAdapter(Moment)


@pytest.mark.parametrize(
    "text",
    [
        *("1_0", "+1", "1.0", "1e0", "01", " 1", "1 ", "-0", "-1", "١", "１", "0x1", "", "true", "x", "$ne"),
        *(str(LARGEST_INTEGER + 1), str(2**63), "9" * 400),
    ],
)
def test_what_only_looks_like_a_number_is_none(text: str) -> None:
    for adapter in (_ID, _VERSION):
        with pytest.raises(ValidationError):
            adapter.validate_python(text)


def test_a_number_is_one_that_every_reader_can_hold() -> None:
    assert _ID.validate_python("1") == 1
    assert _ID.validate_python(str(LARGEST_INTEGER)) == LARGEST_INTEGER
    assert _VERSION.validate_python("0") == 0
    with pytest.raises(ValidationError):
        _ID.validate_python("0")


@pytest.mark.parametrize(
    "text",
    [
        *("1796001000", "1796001000000", "2026-01-01", "2026-01-01T00:00Z", "2026-01-01 00:00:00Z", "20260101T000000Z"),
        *(
            "2026-01-01T00:00:00",
            "2026-01-01T00:00:00,5Z",
            "2026-W01-1T00:00:00Z",
            "2026-02-30T00:00:00Z",
            "-1",
            "hier",
        ),
        *("2026-01-01T00:00:00+0200", "2026-01-01T00:00:00  02:00", "٢026-01-01T00:00:00Z", "2026-01-01T24:00:01Z"),
    ],
)
def test_what_is_no_rfc_3339_instant_is_none(text: str) -> None:
    with pytest.raises(ValidationError) as wrong:
        _MOMENT.validate_python(text)
    assert [error["type"] for error in wrong.value.errors()] == ["instant_format"]


@pytest.mark.parametrize(
    "text",
    [
        *("2026-01-01T00:00:00Z", "2026-01-01T00:00:00.000000Z", "2026-01-01T00:00:00-00:00"),
        *("2026-01-01T02:00:00+02:00", "2025-12-31T23:00:00-01:00"),
        "2026-01-01T02:00:00 02:00",  # A plus that nobody escaped.
    ],
)
def test_an_instant_is_the_same_in_any_offset(text: str) -> None:
    assert _MOMENT.validate_python(text) == datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("query", "wrong"),
    [
        ("", {}),
        ("page=1&size=2", {}),
        ("previeww=true", {"query.previeww": "field_unknown"}),
        ("page=1&size=2&page=1", {"query.page": "field_repeated"}),
        ("page=&page=&x=1", {"query.page": "field_repeated", "query.x": "field_unknown"}),
        ("x" * 300 + "=", {f"query.{'x' * 100}": "field_unknown"}),
    ],
)
async def test_a_parameter_that_a_route_does_not_know_is_refused(query: str, wrong: dict[str, str]) -> None:
    refused: dict[str, Any] = {}
    try:
        await refuse_unknown(call(query=query, known={"page", "size"}))
    except Rejected as no:
        refused = no.fields
    assert refused == wrong


async def test_an_answer_names_so_many_unknown_parameters_and_no_more() -> None:
    with pytest.raises(Rejected) as refused:
        await refuse_unknown(call(query="&".join(f"x{number}=" for number in range(500))))
    assert len(refused.value.fields) == parameters._MOST_SHOWN == 20
