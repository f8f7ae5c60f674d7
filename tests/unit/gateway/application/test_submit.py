"""A request is published in the name of whoever asks; what is known of it then is what they are answered (rule R21)."""

import asyncio
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any, cast

import orjson
import pytest

from gateway.application.outcome_listener import OutcomeListener
from gateway.application.submit import RequestSubmitter, Submission, Submitted
from gateway.projections.request_writer import RequestWriter
from gateway.queries.requests import Requests
from gateway.read_model import request_records
from shared.auth.service_token import ServiceToken
from shared.clock import iso
from shared.contracts.messages.cloudevents import Message
from shared.contracts.messages.structure import ActivateStructure, ModifyStructure
from shared.domain.actor import Actor
from shared.errors import Rejected, Transient
from tests.support.toy import NOW, ManualClock
from tests.unit.gateway.mongo import made

ALICE = Actor("alice")
LABEL = {"structure": {"id": 42}, "label": "x"}


class Gateway:
    """The way of a write, with everything else in memory; `decisions` are what the owner answers, one after another."""

    def __init__(self) -> None:
        self.published: list[Message] = []
        self.decisions: list[dict[str, Any]] = []
        self.stands_still = False
        self.token_refused = 0
        self.writes: dict[str, list[Any]] = {}
        self._listener = OutcomeListener()
        parts: Any = self
        self.submitter = RequestSubmitter(
            parts,
            cast("ServiceToken", parts),
            self._listener,
            cast("RequestWriter", parts),
            cast("Requests", parts),
            ManualClock(),
            patience=50,
        )

    # ---- the bus ------------------------------------------------------------------------------------------------

    async def publish(self, messages: Sequence[Message]) -> None:
        if self.stands_still:
            await asyncio.Event().wait()
        self.published += messages
        (message,) = messages
        headers = dict(message.headers)
        bearing = [("ce_id", b"x|y|z"), ("ce_correlationid", headers["ce_correlationid"])]
        for decision in self.decisions:
            outcome = {
                "owner": "structure",
                "request_id": headers["ce_id"].decode(),
                "actor": headers["ce_actor"].decode(),
                "type": headers["ce_type"].decode(),
                "status": "accepted",
                "code": "accepted",
                "version": 2,
                "at": "2026-01-01T00:00:00.000Z",
                "correlation_id": headers["ce_correlationid"].decode(),
                **decision,
            }
            record = SimpleNamespace(topic="structure.outcomes", headers=bearing, value=orjson.dumps(outcome))
            await self._listener.take([record])

    # ---- our own token ------------------------------------------------------------------------------------------

    async def header(self) -> bytes:
        return b"Bearer of-the-gateway"

    def refused(self) -> None:
        self.token_refused += 1

    # ---- the read model -----------------------------------------------------------------------------------------

    async def put(self, outcome: Mapping[str, Any], *, body_hash: str | None = None) -> None:
        self.report(outcome, journal=False, body_hash=body_hash)

    def report(self, outcome: Mapping[str, Any], *, journal: bool, body_hash: str | None = None) -> None:
        write = request_records.write(outcome, journal=journal, body_hash=body_hash)
        self.writes.setdefault(write.id, []).append(write)

    async def known(self, owner: str, actor: Actor, request_id: str) -> Mapping[str, Any]:
        return made(*self.writes[request_records.key(owner, actor.id, request_id)])

    # ---- what a caller does -------------------------------------------------------------------------------------

    async def submit(self, data: Mapping[str, Any] = LABEL, request_id: str = "r", **more: Any) -> Submitted:
        return await self.submitter.submit(
            Submission(ALICE, ModifyStructure.read(dict(data)), data, request_id, **more)
        )


@pytest.fixture
def gateway() -> Gateway:
    return Gateway()


async def test_who_does_not_wait_is_told_that_it_is_received(gateway: Gateway) -> None:
    submitted = await gateway.submit()
    assert (submitted.record["status"], submitted.repeated, submitted.recorded) == ("received", False, True)
    assert submitted.record["received_at"] == iso(NOW)
    assert list(gateway.writes) == ["alice|r|structure"], "it can be read before its caller is answered"
    (message,) = gateway.published
    assert (message.topic, message.key, orjson.loads(message.value)) == ("structure.requests", b"structure:42", LABEL)


async def test_it_is_sent_with_our_own_token_in_the_name_of_whoever_asks(gateway: Gateway) -> None:
    await gateway.submit(traceparent="00-" + "a" * 32 + "-" + "b" * 16 + "-01")
    headers = dict(gateway.published[0].headers)
    assert (headers["authorization"], headers["ce_actor"]) == (b"Bearer of-the-gateway", b"alice")
    assert (headers["ce_id"], headers["ce_type"]) == (b"r", b"structure.modify.v1")
    assert headers["traceparent"].startswith(b"00-" + b"a" * 32)
    assert b"b" * 16 not in headers["traceparent"]


async def test_who_waits_is_told_the_decision(gateway: Gateway) -> None:
    gateway.decisions = [{"version": 7, "repeated": True}]
    submitted = await gateway.submit(wait=60)
    assert (submitted.record["status"], submitted.record["version"], submitted.repeated) == ("accepted", 7, True)


async def test_that_a_request_waits_is_not_its_decision(gateway: Gateway) -> None:
    waiting = {"status": "waiting", "code": "waiting_insee", "version": 0}
    gateway.decisions = [waiting, {"request_id": "another"}, {"version": 7}]
    submitted = await gateway.submit(wait=60)
    assert (submitted.record["request_id"], submitted.record["version"]) == ("r", 7)


async def test_who_waits_in_vain_is_told_what_is_known(gateway: Gateway) -> None:
    assert (await gateway.submit(wait=0.01)).record["status"] == "received"
    gateway.decisions = [{"status": "waiting", "code": "waiting_insee", "version": 0}]
    assert (await gateway.submit(request_id="other", wait=0.01)).record["code"] == "waiting_insee"


async def test_what_never_became_a_request_is_not_kept(gateway: Gateway) -> None:
    gateway.decisions = [{"status": "rejected", "code": "invalid_request", "recorded": False}]
    submitted = await gateway.submit(wait=60)
    assert (submitted.record["status"], submitted.recorded) == ("rejected", False)
    assert gateway.writes == {}


async def test_when_our_own_token_is_refused_it_is_not_the_callers_fault(gateway: Gateway) -> None:
    gateway.decisions = [{"status": "rejected", "code": "token_expired", "recorded": False, "actor": ""}]
    with pytest.raises(Transient):
        await gateway.submit(wait=60)
    assert gateway.token_refused == 1
    assert gateway.writes == {}


async def test_sent_again_it_is_one_request_that_is_told_as_it_stands_r21(gateway: Gateway) -> None:
    assert not (await gateway.submit(chosen=True)).repeated
    again = await gateway.submit(chosen=True)
    assert (again.record["status"], again.repeated) == ("received", True)
    step = {"owner": "structure", "request_id": "r", "actor": "alice", "type": "t", "code": "already_active"}
    gateway.report({**step, "status": "rejected", "version": 2, "at": "2026-01-01T00:00:00.000Z"}, journal=True)
    again = await gateway.submit(chosen=True)
    assert (again.record["code"], again.repeated) == ("already_active", True)


async def test_what_its_owner_decided_before_we_looked_is_no_repeat_r21(gateway: Gateway) -> None:
    """The owner is as fast as the gateway: its decision may stand there before the gateway's own record."""
    publish = gateway.publish

    async def decided_at_once(messages: Sequence[Message]) -> None:
        await publish(messages)
        correlation = dict(messages[0].headers)["ce_correlationid"].decode()
        step = {"owner": "structure", "request_id": "r", "actor": "alice", "type": "t", "code": "accepted"}
        at = {"version": 2, "at": "2026-01-01T00:00:00.000Z", "correlation_id": correlation}
        gateway.report({**step, **at, "status": "accepted"}, journal=True)

    gateway.publish = decided_at_once  # type: ignore[method-assign]
    submitted = await gateway.submit(chosen=True)
    assert (submitted.record["status"], submitted.repeated) == ("accepted", False)


async def test_an_id_used_for_another_request_is_refused_and_the_first_stays_r21(gateway: Gateway) -> None:
    await gateway.submit(chosen=True)
    with pytest.raises(Rejected, match="request_id_reused"):
        await gateway.submit({**LABEL, "label": "y"}, chosen=True)
    same = dict(reversed(LABEL.items()))
    assert (await gateway.submit(same, chosen=True)).repeated, "the order of fields makes no other request"


def test_what_tells_a_repeat_is_the_type_and_what_the_caller_gave() -> None:
    activate = ActivateStructure.read({"structure": {"id": 42}})
    modify = ModifyStructure.read({"structure": {"id": 42}})
    data = {"structure": {"id": 42}}
    one, other = (Submission(ALICE, request, data, "r").hash for request in (activate, modify))
    assert one != other
    assert Submission(ALICE, activate, data, "another", wait=5).hash == one


async def test_a_kafka_that_does_not_answer_is_waited_for_a_moment_and_nothing_is_said(gateway: Gateway) -> None:
    gateway.stands_still = True
    with pytest.raises(TimeoutError):
        await gateway.submit()
    assert gateway.writes == {}
