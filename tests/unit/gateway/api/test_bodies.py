"""A body is a message or says why not: what it is written in, that it is JSON, and what is wrong with each field."""

from typing import Any

import orjson
import pytest

from gateway.api import bodies
from shared.contracts.messages.manager import SetMember
from shared.contracts.messages.structure import ModifyStructure
from shared.errors import Rejected
from tests.unit.gateway.api.calls import call

JSON = "application/json"


async def read(raw: bytes, kind: str | None = JSON) -> tuple[Any, dict[str, Any]]:
    return await bodies.read(call(raw, kind=kind), ModifyStructure, structure={"id": 42})


async def refusal(raw: bytes, kind: str | None = JSON) -> Rejected:
    with pytest.raises(Rejected) as refused:
        await read(raw, kind)
    return refused.value


async def test_what_the_path_says_is_part_of_the_message_and_of_its_data() -> None:
    request, data = await read(b'{"label": "x"}')
    assert data == {"label": "x", "structure": {"id": 42}}
    assert (request.structure.id, request.label) == (42, "x")


@pytest.mark.parametrize(
    "raw",
    [
        *(b"", b" ", b"{", b"{'label': 1}", b'{"label": NaN}', b'{"label": 1e999}', b'{"label": "\xff"}'),
        *(b'{"label": "\\ud800"}', b"label=x", b"[" * 100_000, b"\x00", '{"label": "é"}'.encode("utf-16")),
    ],
)
async def test_what_is_no_json_is_unreadable(raw: bytes) -> None:
    assert (await refusal(raw)).code == "message_unreadable"


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "application/xml", "x", "json", "application/jsonx", ""]
)
async def test_another_media_type_is_refused(kind: str) -> None:
    assert (await refusal(b"{}", kind)).code == "media_type_unsupported"


@pytest.mark.parametrize(
    "kind", [None, "application/json; charset=utf-8", "APPLICATION/JSON", "application/merge-patch+json"]
)
async def test_json_by_its_other_names_is_taken(kind: str | None) -> None:
    assert (await read(b'{"label": "x"}', kind))[0].label == "x"


@pytest.mark.parametrize("body", [[], None, "x", 1, True])
async def test_what_is_no_object_is_no_message(body: Any) -> None:
    assert (await refusal(orjson.dumps(body))).fields == {"(body)": "object_expected"}


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"labell": "x"}, {"labell": "field_unknown"}),
        ({"label": ""}, {"label": "field_blank"}),
        ({"label": " \u200b"}, {"label": "field_blank"}),
        ({"label": "a\u0000b"}, {"label": "text_control"}),
        ({"label": "a\u202eb"}, {"label": "text_control"}),
        ({"label": "x" * 101}, {"label": "field_too_long"}),
        ({"label": 1}, {"label": "text_expected"}),
        ({"email": "nowhere"}, {"email": "email_format"}),
        ({"phone": "----"}, {"phone": "phone_format"}),
        ({"address": {}}, {"address.city": "field_required"}),
        ({"address": {"city": "Londres", "country": "UK"}}, {"address.country": "country_unknown"}),
        ({"address": {"city": "Paris", "country": "France"}}, {"address.country": "country_unknown"}),
        ({"address": {"city": "Paris", "postcode": "7500"}}, {"address.postcode": "postcode_format"}),
        ({"address": {"city": "Lyon", "street": "x"}}, {"address.street": "field_unknown"}),
        ({"parameters": {"moa": "true"}}, {"parameters.moa": "boolean_expected"}),
        ({"parameters": {"moa": 1}}, {"parameters.moa": "boolean_expected"}),
        ({"person": {"first_name": "A"}}, {"person.last_name": "field_required"}),
        ({"structure": {"id": 2}}, {"structure": "field_unknown"}),  # The path says which one.
        ({"type": "structure.activate.v1"}, {"type": "field_unknown"}),
        (
            {"billing_mandate": {"mandatary": {"type": "AUTRE", "value": "X"}, "start": "2026-02-30"}},
            {"billing_mandate.start": "date_format"},
        ),
        (
            {"billing_mandate": {"mandatary": {"type": "SIRET", "value": "1"}, "start": "2026-01-01"}},
            {"billing_mandate.mandatary": "identifier_format"},
        ),
        (
            {"billing_mandate": {"mandatary": {"type": "AUTRE", "value": "41816609600069"}, "start": "2026-01-01"}},
            {"billing_mandate.mandatary": "identifier_needs_siret"},
        ),
    ],
)
async def test_a_wrong_body_is_told_field_by_field(body: dict[str, Any], fields: dict[str, str]) -> None:
    no = await refusal(orjson.dumps(body))
    assert (no.code, no.fields) == ("invalid_request", fields)


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"profile": "field_required"}),
        ({"profile": "principal"}, {"profile": "profile_unknown"}),
        ({"profile": "consultation", "x": 1}, {"x": "field_unknown"}),
        ({"profile": "consultation", "user": "sam"}, {"user": "field_unknown"}),
        ({"profile": "consultation", "structure_id": 2}, {"structure_id": "field_unknown"}),
    ],
)
async def test_whom_and_what_a_membership_is_about_the_path_alone_says(
    body: dict[str, Any], fields: dict[str, str]
) -> None:
    with pytest.raises(Rejected) as refused:
        await bodies.read(call(orjson.dumps(body), kind=JSON), SetMember, structure_id=1, user="sam")
    assert refused.value.fields == fields
