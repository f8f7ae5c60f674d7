"""Sentences say what is wrong and what to do, in the signs of French, with the values there are."""

import re
from typing import Any

import pytest

from shared.contracts import codes
from shared.contracts.codes import CODES, french, sentence
from shared.contracts.codes.sentences import Code, names, refused

NO_BREAK = f"[{french.NARROW}{french.WIDE}]"
REFUSALS = [code for code, entry in CODES.items() if entry.http >= 400]
EXAMPLES: dict[str, Any] = {
    "effective_at": "2026-11-30T10:12:00.000Z",
    "retry_at": "2026-06-01T22:30:00.000Z",
    "closed_on": "2024-05-01",
    "allowed": ["consultation", "modification"],
}


def every_sentence(*chosen: str) -> list[Any]:
    return [
        pytest.param(text, id=f"{code}-{number}")
        for code in chosen or CODES
        for number, text in enumerate(CODES[code].sentences)
    ]


@pytest.mark.parametrize("code", CODES)
def test_a_sentence_without_its_values_says_what_can_be_said(code: str) -> None:
    said = sentence(code, {})
    assert not re.search(r"[{}]|\?|None", said)
    assert said == CODES[code].sentences[-1]


@pytest.mark.parametrize("code", CODES)
def test_a_sentence_says_its_values(code: str) -> None:
    values = {name: EXAMPLES.get(name, f"<{name}>") for name in names(CODES[code].sentence)}
    said = sentence(code, values)
    assert not re.search(r"[{}]", said)
    assert all(french.value(name, value) in said for name, value in values.items())


@pytest.mark.parametrize("text", every_sentence(*REFUSALS))
def test_a_refusal_says_what_to_do_next(text: str) -> None:
    what, _, do = text.partition(f"{french.WIDE}: ")
    assert what
    # What somebody is told to do ends in -ez, but for one verb.
    assert re.search(r"\b(\w+ez|(re)?faites)\b", do), "what should they do?"


@pytest.mark.parametrize("text", every_sentence())
def test_a_sentence_is_written_as_french_is_printed(text: str) -> None:
    assert re.fullmatch(r"[A-ZÀÉ«{].+\.", text)
    assert not re.search(r"'| [;:!?»]|« |[^\s]»|«[^\s]", text), "signs of French"
    assert not re.search(r"[;!?](?! |$)", text)
    assert not re.search(r"(?i)merci de|veuillez|\(e\)|\(s\)|s'il", text)


def test_what_is_printed_and_what_is_typed() -> None:
    assert french.typeset("L'un ; l'autre : « non » !") == "L’un\u202f; l’autre\u00a0: «\u00a0non\u00a0»\u202f!"
    assert french.typeset("14 chiffres, {max} caractères, {retry_after} s, 1 Mo") == (
        "14\u00a0chiffres, {max}\u00a0caractères, {retry_after}\u00a0s, 1\u00a0Mo"
    )
    assert french.typeset("« Authorization: Bearer »") == "«\u00a0Authorization: Bearer\u00a0»"
    assert Code("Dites « {name} ».").filled({"name": "l'un ; l'autre"}) == "Dites «\u00a0l'un ; l'autre\u00a0»."


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("effective_at", "2026-11-30T10:12:00.000Z", "30 novembre 2026 à 11 h 12 (heure de Paris)"),
        ("effective_at", "2026-06-30T22:30:59.999Z", "1er juillet 2026 à 0 h 30 (heure de Paris)"),
        ("effective_at", "2026-06-30T22:30:00+02:00", "30 juin 2026 à 22 h 30 (heure de Paris)"),
        ("effective_at", "tomorrow", "tomorrow"),
        ("effective_at", "2026-11-30T10:12:00", "2026-11-30T10:12:00"),
        ("effective_at", 7, "7"),
        ("closed_on", "2024-05-01", "1er mai 2024"),
        ("closed_on", "2024-02-31", "2024-02-31"),
        ("allowed", ["SIRET", "RIDET", "AUTRE"], "SIRET, RIDET ou AUTRE"),
        ("allowed", ["SIRET"], "SIRET"),
        ("allowed", [], ""),
        ("moved_to", "13002526500013", "13002526500013"),
        ("retry_after", 8, "8"),
    ],
)
def test_a_value_is_said_as_people_read_it(name: str, value: object, said: str) -> None:
    assert french.value(name, value).replace(french.WIDE, " ") == said


def test_the_sentence_told_is_the_first_whose_values_are_there() -> None:
    assert "13002526500013 : indiquez celui-ci" in _plain(sentence("siret_moved", {"moved_to": "13002526500013"}))
    assert "par un autre : cherchez-le" in _plain(sentence("siret_moved", {"moved_to": None}))
    days = {"opens_on": "2027-05-01", "closed_on": "2024-05-01"}
    assert "jusqu'au 1er mai 2027" in _plain(sentence("siret_closed", days))
    assert "depuis le 1er mai 2024" in _plain(sentence("siret_closed", {**days, "opens_on": None}))
    assert _plain(sentence("insee_quota", {"retry_after": 8})).endswith("réessayez dans 8 s.")


def _plain(text: str) -> str:
    return re.sub(NO_BREAK, " ", text).replace("’", "'")


def test_a_step_names_its_own_date_and_a_refusal_the_one_of_its_details() -> None:
    accepted = codes.sentence_of({"code": "accepted", "effective_at": "2026-11-30T10:12:00.000Z"})
    assert "le 30 novembre 2026 à 11 h 12 (heure de Paris)" in _plain(accepted)
    details = {"request_id": "r1", "effective_at": "2026-11-30T10:12:00.000Z"}
    again = codes.sentence_of({"code": "already_pending", "details": details})
    assert "sera effective le 30 novembre 2026" in _plain(again)
    assert "suivez la demande r1" in again


def test_each_field_is_told_in_words_with_its_own_values() -> None:
    details = {"fields": {"label": {"max": 100}, "name": {"max": 255}}}
    reported = codes.errors_of(
        {"label": "field_too_long", "name": "field_too_long", "x": "field_unknown"}.items(), details
    )
    assert [(e["field"], e["code"], e.get("details")) for e in reported] == [
        ("label", "field_too_long", {"max": 100}),
        ("name", "field_too_long", {"max": 255}),
        ("x", "field_unknown", None),
    ]
    assert [_plain(e["message"]) for e in reported] == [
        "Ce texte est trop long : donnez 100 caractères au plus.",
        "Ce texte est trop long : donnez 255 caractères au plus.",
        "Ce champ n'existe pas pour cette demande : retirez-le.",
    ]


def test_a_code_of_a_newer_version_is_told_by_its_name() -> None:
    assert sentence("of_tomorrow") == "Code of_tomorrow."
    assert codes.http_status("of_tomorrow") == 422


def test_a_refusal_may_say_less_and_keeps_what_to_do() -> None:
    code = refused("Trop de {things}", "attendez {seconds} s", 429, "attendez", ("Trop", "revenez"))
    assert [_plain(text) for text in code.sentences] == [
        "Trop de {things} : attendez {seconds} s.",
        "Trop de {things} : attendez.",
        "Trop : revenez.",
    ]
    assert code.values == {"things", "seconds"}
