"""A problem says in words what its fields and headers say in numbers."""

import orjson
import pytest

from gateway.api.problems import problem


@pytest.mark.parametrize("code", ["too_many_requests", "insee_quota"])
def test_the_seconds_to_wait_are_the_same_in_the_sentence_and_in_the_header(code: str) -> None:
    for details, seconds in (({"retry_after": 8}, "8"), (None, "60")):
        answer = problem(code, details=details)
        assert answer.headers["retry-after"] == seconds
        assert f"réessayez dans {seconds}\u00a0s." in orjson.loads(answer.body)["title"]


def test_what_is_unavailable_says_when_to_try_again() -> None:
    answer = problem("unavailable")
    assert f"dans {answer.headers['retry-after']}\u00a0s." in orjson.loads(answer.body)["title"]


def test_each_field_has_its_code_its_sentence_and_its_values_and_the_whole_has_the_others() -> None:
    fields = {"label": "field_too_long", "colour": "field_unknown"}
    details = {"duplicated_to": 43, "fields": {"label": {"max": 100}}}
    body = orjson.loads(problem("structure_duplicated", fields=fields, details=details).body)
    assert body["details"] == {"duplicated_to": 43}
    assert "sur la structure 43" in body["title"]
    assert [(e["field"], e["code"], e.get("details"), "100" in e["message"]) for e in body["errors"]] == [
        ("label", "field_too_long", {"max": 100}, True),
        ("colour", "field_unknown", None, False),
    ]
    assert "details" not in orjson.loads(problem("invalid_request", fields=fields, details={"fields": {}}).body)
