"""What each HTTP status and each body of INSEE, or of the gateway before it, means."""

import json
from typing import Any

import pytest

from services.insee_adapter.responses import (
    Doublon,
    NoAnswer,
    Response,
    meaning,
    meaning_of_links,
    quota_wait,
)
from shared.contracts.messages.insee import Because, InseeAnswer, Restriction, Result
from tests.unit.services.insee_adapter.records import SIRET, body, period

NOW = 1_700_000_000_000
HTML = b"<!doctype html><h1>Maintenance</h1>"


def response(status: int, content: Any = b"", **headers: str) -> Response:
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return Response(status, {name.replace("_", "-"): value for name, value in headers.items()}, raw, NOW)


def register(status: int, message: str = "…") -> dict[str, Any]:
    return {"header": {"statut": status, "message": message}}


def gateway(status: int) -> dict[str, Any]:
    return {"message": "…", "http_status_code": status}


def answer(status: int, content: Any = b"", **headers: str) -> InseeAnswer:
    found = meaning(SIRET, response(status, content, **headers))
    assert isinstance(found, InseeAnswer)
    return found


def refusal(status: int, content: Any = b"", **headers: str) -> NoAnswer:
    with pytest.raises(NoAnswer) as caught:
        meaning(SIRET, response(status, content, **headers))
    return caught.value


def test_200_is_read() -> None:
    assert answer(200, body()).result is Result.ACTIVE


def test_404_of_the_register_is_not_found_and_keeps_its_sentence() -> None:
    found = answer(404, register(404, f"Aucun élément trouvé pour le siret {SIRET}"))
    assert found.result is Result.NOT_FOUND
    assert found.message == f"Aucun élément trouvé pour le siret {SIRET}"


def test_a_sentence_of_insee_s_is_put_right_and_cut() -> None:
    found = answer(404, register(404, "Aucun\u202e élément\x00 trouvé " + "pour ce SIRET " * 100))
    assert found.message is not None
    assert found.message.startswith("Aucun élément trouvé pour ce SIRET")
    assert len(found.message) <= 300


def test_400_about_the_siret_is_not_found() -> None:
    assert answer(400, register(400, "Erreur de format de siret (…)")).result is Result.NOT_FOUND


def test_403_of_the_register_keeps_the_whole_unit_back() -> None:
    found = answer(403, register(403, f"Établissement non diffusable ({SIRET})"))
    assert (found.result, found.restriction) == (Result.RESTRICTED, Restriction.UNIT)
    assert found.hidden == ("name", "address")


@pytest.mark.parametrize(
    ("status", "content", "because"),
    [
        # Only the register can say « not found »: a wrong path or a maintenance page is not that.
        (404, gateway(404), Because.UNREADABLE),
        (404, HTML, Because.OUTAGE),
        (404, b"", Because.OUTAGE),
        (403, gateway(403), Because.REFUSED),
        (401, gateway(401), Because.REFUSED),
        (401, b"Unauthorized", Because.REFUSED),
        (429, gateway(429), Because.QUOTA),
        (429, HTML, Because.QUOTA),
        (429, register(429), Because.QUOTA),
        (500, register(500), Because.OUTAGE),
        (502, HTML, Because.OUTAGE),
        (503, register(503), Because.OUTAGE),
        (504, b"", Because.OUTAGE),
        (599, gateway(599), Because.OUTAGE),
        (200, HTML, Because.OUTAGE),
        (200, b"", Because.OUTAGE),
        (200, b"[]", Because.OUTAGE),
        (200, b"\xff\xfe", Because.OUTAGE),
        (200, b"[" * 100_000, Because.OUTAGE),
        (200, register(200), Because.UNREADABLE),
        (200, body([period("X", "2020-01-01")]), Because.UNREADABLE),
        (400, register(400, "Erreur de syntaxe dans le paramètre q=…"), Because.UNREADABLE),
        (406, register(406), Because.UNREADABLE),
        (414, gateway(414), Because.UNREADABLE),
        (302, HTML, Because.UNREADABLE),
    ],
)
def test_what_says_nothing_of_the_siret_is_no_answer(status: int, content: Any, because: Because) -> None:
    assert refusal(status, content).because is because


@pytest.mark.parametrize(("status", "again"), [(500, True), (502, True), (503, True), (504, True), (501, False)])
def test_only_what_may_be_a_blip_is_retried_at_once(status: int, again: bool) -> None:
    assert refusal(status, register(status)).at_once is again


@pytest.mark.parametrize("status", [400, 401, 403, 406, 414, 429])
def test_refusals_are_not_retried_at_once(status: int) -> None:
    assert refusal(status, gateway(status)).at_once is False


@pytest.mark.parametrize(
    "location",
    [
        "https://api.insee.fr/entreprises/sirene/ws/siret/77887067500015",
        "/entreprises/sirene/V3.11/siret/77887067500015/",
        "http://10.0.0.1/siret/77887067500015?date=2024-01-01",
    ],
)
def test_a_doublon_leads_to_the_last_segment_of_whatever_path_insee_gives(location: str) -> None:
    found = meaning(SIRET, response(301, register(301, "Unité légale doublon"), location=location))
    assert found == Doublon("77887067500015", "Unité légale doublon")


@pytest.mark.parametrize("location", ["/siren/778870675", "/siret/7788706750001", ""])
def test_a_doublon_that_names_no_establishment_has_no_target(location: str) -> None:
    found = meaning(SIRET, response(301, register(0, "Unité légale doublon"), location=location))
    assert found == Doublon(None, "Unité légale doublon")


@pytest.mark.parametrize(
    ("status", "headers", "wait"),
    [
        (429, {"x_rate_limit_reset": str(NOW + 12_000)}, 12_000),
        (429, {"x_rate_limit_reset": str(NOW - 5_000)}, 1_000),
        (429, {"x_rate_limit_reset": str(NOW + 3_600_000)}, 60_000),
        (429, {"x_rate_limit_reset": "soon"}, 60_000),
        (429, {"x_rate_limit_reset": "-1"}, 60_000),
        (429, {"retry_after": "7"}, 7_000),
        (429, {}, 60_000),
        (200, {"x_rate_limit_remaining": "0", "x_rate_limit_reset": str(NOW + 9_000)}, 9_000),
        (200, {"x_rate_limit_remaining": "0"}, None),
        (200, {"x_rate_limit_remaining": "3", "x_rate_limit_reset": str(NOW + 9_000)}, None),
        (200, {"x_rate_limit_remaining": "-1", "x_rate_limit_reset": "-1"}, None),
        (200, {}, None),
    ],
)
def test_a_used_up_quota_lasts_until_its_reset_and_at_most_a_window(
    status: int, headers: dict[str, str], wait: int | None
) -> None:
    assert quota_wait(response(status, gateway(status), **headers)) == wait


def test_no_message_repeats_a_value_of_the_body() -> None:
    problem = refusal(200, body([period("SECRET", "2020-01-01")], siret="SECRET"))
    assert "SECRET" not in str(problem)
    assert problem.__cause__ is None


LINK = {"siretEtablissementPredecesseur": SIRET, "siretEtablissementSuccesseur": "41816609600077"}


def test_links_of_succession_are_read_and_none_is_an_answer_r10() -> None:
    found = meaning_of_links(SIRET, response(200, {**register(200), "liensSuccession": [LINK]}))
    assert [link.successor for link in found] == ["41816609600077"]
    none = register(404, f"Aucun lien de succession n'a été trouvé pour le paramètre q={SIRET}")
    assert meaning_of_links(SIRET, response(404, none)) == []


@pytest.mark.parametrize(
    ("status", "content", "because"),
    [
        (404, gateway(404), Because.UNREADABLE),
        (400, register(400, "Erreur de syntaxe"), Because.UNREADABLE),
        (200, {"liensSuccession": [LINK]}, Because.UNREADABLE),
        (200, HTML, Because.OUTAGE),
        (429, gateway(429), Because.QUOTA),
        (403, gateway(403), Because.REFUSED),
        (503, register(503), Because.OUTAGE),
    ],
)
def test_nothing_else_is_taken_for_an_establishment_without_successor_r10(
    status: int, content: Any, because: Because
) -> None:
    with pytest.raises(NoAnswer) as caught:
        meaning_of_links(SIRET, response(status, content))
    assert caught.value.because is because
