"""Whoever is not known as their token tells is registered: once, by whichever replica, and again when it failed."""

import asyncio
from typing import Any, cast

import pytest

from gateway.application import registration
from gateway.application.registration import Registrations, names, registration_id
from gateway.application.submit import RequestSubmitter, Submission
from shared.domain.actor import Actor
from shared.errors import Transient

ADA = Actor("ada", first_name="Ada", last_name="Lovelace", email="ada@example.fr")
CLAIMS = {"first_name": "Ada", "last_name": "Lovelace", "email": "ada@example.fr"}


class Submitter:
    """Keeps what it is to publish."""

    def __init__(self) -> None:
        self.published: list[Submission] = []
        self.away = False

    async def publish(self, submission: Submission) -> None:
        await asyncio.sleep(0)
        if self.away:
            raise Transient("Kafka does not answer")
        self.published.append(submission)


@pytest.fixture
def submitter() -> Submitter:
    return Submitter()


@pytest.fixture
def registrations(submitter: Submitter) -> Registrations:
    return Registrations(cast("RequestSubmitter", submitter))


async def made(registrations: Registrations, actor: Actor, known: Any) -> None:
    registrations.make(actor, known)
    await registrations.end()


async def test_a_newcomer_is_registered_once(registrations: Registrations, submitter: Submitter) -> None:
    for _ in range(3):
        await made(registrations, ADA, None)
    (submission,) = submitter.published
    assert (submission.actor, submission.data) == (ADA, CLAIMS)
    assert submission.request.type == "user.register.v1"
    assert submission.request_id == registration_id("ada", CLAIMS, 0)


async def test_who_is_known_as_their_token_tells_is_not(registrations: Registrations, submitter: Submitter) -> None:
    await made(registrations, ADA, {**CLAIMS, "version": 3, "pigp": True})
    await made(registrations, Actor("ada"), {**CLAIMS, "version": 3})
    assert submitter.published == [], "what a token leaves out is not to be forgotten"


async def test_a_name_that_changes_and_changes_back_is_registered_each_time(
    registrations: Registrations, submitter: Submitter
) -> None:
    other = Actor("ada", first_name="Ada", last_name="Byron", email="ada@example.fr")
    await made(registrations, other, {**CLAIMS, "version": 1})
    await made(registrations, ADA, {**CLAIMS, "last_name": "Byron", "version": 2})
    await made(registrations, other, {**CLAIMS, "version": 3})
    assert [s.data["last_name"] for s in submitter.published] == ["Byron", "Lovelace", "Byron"]
    assert len({s.request_id for s in submitter.published}) == 3


async def test_what_could_not_be_sent_waits_for_the_next_call(
    registrations: Registrations, submitter: Submitter
) -> None:
    submitter.away = True
    await made(registrations, ADA, None)
    submitter.away = False
    await made(registrations, ADA, None)
    assert len(submitter.published) == 1


async def test_so_many_are_remembered_and_no_more(
    registrations: Registrations, submitter: Submitter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registration, "_REMEMBERED", 2)
    for user in ("a", "b", "c", "c", "a"):
        await made(registrations, Actor(user), None)
    assert [s.actor.id for s in submitter.published] == ["a", "b", "c", "a"]


def test_replicas_derive_the_same_id_from_the_same() -> None:
    same = registration_id("ada", dict(reversed(CLAIMS.items())), 3)
    assert registration_id("ada", CLAIMS, 3) == same
    others = {
        registration_id("ada", CLAIMS, 4),
        registration_id("bob", CLAIMS, 3),
        registration_id("ada", {"first_name": "Ada"}, 3),
    }
    assert len(others - {same}) == 3


def test_what_a_token_tells_is_taken_in_its_one_form_and_left_out_when_it_has_none_r25() -> None:
    assert names(ADA) == CLAIMS
    assert names(Actor("x", first_name="Zoe\u0301", last_name="\u202eX", email="x" * 300)) == {"first_name": "Zoé"}
    assert names(Actor("x")) == {}
