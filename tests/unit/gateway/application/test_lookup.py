"""What a caller is told of what INSEE says: as it says it, and why no structure could be created (rule R9)."""

from typing import Any

import pytest

from gateway.application.lookup import _is_last, seconds_left, with_refusal
from shared.clock import DAY, MINUTE, SECOND
from shared.errors import Rejected

SIRET, OTHER = "41816609600069", "00012005000016"


def answer(result: str, **fields: Any) -> dict[str, Any]:
    return {"siret": SIRET, "as_of": "2026-01-01T00:00:00.000Z", "result": result, **fields}


@pytest.mark.parametrize(
    "answered",
    [
        answer("ACTIVE", name="EXEMPLE", address={"city": "Lyon", "country": "FR"}, legal_category="5710"),
        answer("ACTIVE", closes_on="2027-01-31", message="La fermeture est annoncée."),
        answer("RESTRICTED", restriction="PARTIAL", hidden=["name"]),
    ],
    ids=["active", "about to close", "restricted"],
)
def test_what_a_structure_can_be_created_with_is_told_as_insee_tells_it_r9(answered: dict[str, Any]) -> None:
    assert with_refusal(answered) == answered


@pytest.mark.parametrize(
    ("answered", "code", "sentence"),
    [
        (answer("NOT_FOUND"), "siret_not_found", "INSEE"),
        (answer("CLOSED", closed_on="2020-01-01"), "siret_closed", "1er\u00a0janvier 2020"),
        (answer("CLOSED", opens_on="2027-01-31", message="Ouverture le 31."), "siret_closed", "Ouverture le 31."),
        (answer("MOVED", moved_to=OTHER), "siret_moved", OTHER),
        (answer("MOVED", moved_to=OTHER, moved_to_result="CLOSED"), "siret_moved_closed", "lui-même fermé"),
        (answer("MOVED", moved_to=OTHER, moved_to_result="NOT_FOUND"), "siret_moved_unknown", "sans dire lequel"),
        (answer("MOVED", message="Unité légale doublon"), "siret_moved_unknown", "sans dire lequel"),
    ],
)
def test_why_no_structure_could_be_created_is_in_french_r9(answered: dict[str, Any], code: str, sentence: str) -> None:
    found = with_refusal(answered)
    assert {name: value for name, value in found.items() if name not in {"code", "message"}} == {
        name: value for name, value in answered.items() if name != "message"
    }
    assert found["code"] == code
    assert sentence in found["message"]


def test_what_insee_says_besides_is_left_out_of_our_sentence_unless_it_announces_something() -> None:
    found = with_refusal(answer("CLOSED", closed_on="2020-01-01", message="Une phrase de l'INSEE."))
    assert "Une phrase" not in found["message"]


@pytest.mark.parametrize("answered", [None, answer("UNAVAILABLE", because="OUTAGE")], ids=["nothing", "an outage"])
def test_where_nothing_is_known_it_is_said_so(answered: dict[str, Any] | None) -> None:
    with pytest.raises(Rejected) as refused:
        with_refusal(answered)
    assert refused.value.code == "insee_unavailable"


@pytest.mark.parametrize(
    ("answered", "last"),
    [
        (answer("ACTIVE"), True),
        (answer("NOT_FOUND", retry_after=5), True),
        (answer("UNAVAILABLE"), True),
        (answer("UNAVAILABLE", retry_after=5), False),
    ],
)
def test_an_answer_that_another_one_follows_is_not_the_last(answered: dict[str, Any], last: bool) -> None:
    assert _is_last(answered) is last


@pytest.mark.parametrize(
    ("now", "window", "seconds"),
    [(0, MINUTE, 61), (MINUTE - 1, MINUTE, 1), (MINUTE - SECOND, MINUTE, 2), (MINUTE, MINUTE, 61), (1, DAY, 86_400)],
)
def test_after_the_seconds_told_another_window_has_begun(now: int, window: int, seconds: int) -> None:
    assert seconds_left(now, window) == seconds
    assert (now + seconds * SECOND) // window > now // window
