"""Each answer reaches whoever waits for it, and nobody else; one that can't be read harms nobody."""

import asyncio
from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from gateway.application.outcome_listener import OutcomeListener, OutcomeWaiter
from shared.contracts.messages.life import request_key

TOPIC = "structure.outcomes"
OUTCOME = {
    "owner": "structure",
    "request_id": "r",
    "actor": "a|b",
    "type": "structure.modify.v1",
    "status": "accepted",
    "code": "accepted",
    "version": 2,
    "at": "2026-01-01T00:00:00.000Z",
    "message": "…",
}


def answer(correlation: str | bytes, value: Any = OUTCOME, *, topic: str = TOPIC, id_: str = "x|y|z") -> Any:
    correlation = correlation.encode() if isinstance(correlation, str) else correlation
    return SimpleNamespace(
        topic=topic,
        partition=0,
        offset=0,
        timestamp=0,
        key=b"k",
        value=value if isinstance(value, bytes | None) else orjson.dumps(value),
        headers=[("ce_type", b"x"), ("ce_id", id_.encode()), ("ce_correlationid", correlation)],
    )


def decided(outcome: dict[str, Any]) -> bool:
    return bool(outcome["status"] != "waiting")


async def test_an_answer_reaches_whoever_expects_it_and_nobody_else() -> None:
    listener, other = OutcomeListener(), OutcomeListener()
    with (
        listener.expect(TOPIC, decided) as mine,
        listener.expect(TOPIC, decided) as theirs,
        other.expect(TOPIC, decided) as elsewhere,
    ):
        batch = [answer(mine.correlation)]
        await listener.take(batch)
        await other.take(batch)
        assert mine.latest == OUTCOME
        assert (theirs.latest, elsewhere.latest) == (None, None)
        assert len({w.correlation for w in (mine, theirs, elsewhere)}) == 3


async def test_an_answer_on_another_topic_has_the_same_id_and_is_another_s() -> None:
    """What an owner asks of INSEE to decide a request bears the id of the request, and so does INSEE's answer."""
    listener = OutcomeListener()
    with listener.expect(TOPIC, decided) as waiter:
        await listener.take([answer(waiter.correlation, {"result": "ACTIVE"}, topic="insee.outcomes")])
        assert waiter.latest is None


async def test_after_nobody_waits_any_more_an_answer_is_let_go() -> None:
    listener = OutcomeListener()
    with listener.expect(TOPIC, decided) as waiter:
        pass
    await listener.take([answer(waiter.correlation)])
    assert waiter.latest is None


@pytest.mark.parametrize("value", [None, b"", b"\xff", b"{"])
async def test_an_answer_that_can_not_be_read_harms_no_other(value: Any) -> None:
    listener = OutcomeListener()
    with listener.expect(TOPIC, decided) as bad, listener.expect(TOPIC, decided) as good:
        odd = SimpleNamespace(topic=TOPIC, headers=[("ce_correlationid", None)], value=b"")
        await listener.take([odd, answer(bad.correlation, value), answer(b"\xff"), answer(good.correlation)])
        assert (bad.latest, good.latest) == (None, OUTCOME)


async def test_the_last_word_ends_the_wait_and_nothing_comes_after_it() -> None:
    waiter = OutcomeWaiter("c", TOPIC, decided)
    waiter.take({"status": "waiting", "code": "waiting_insee"})
    assert await waiter.within(0) == {"status": "waiting", "code": "waiting_insee"}, "what is known so far"
    waiter.take({"status": "accepted"})
    waiter.take({"status": "cancelled"})
    assert await waiter.within(60) == {"status": "accepted"}


async def test_who_waits_in_vain_is_told_nothing() -> None:
    assert await OutcomeWaiter("c", TOPIC, decided).within(0) is None


async def test_whoever_follows_a_request_gets_each_of_its_outcomes_whoever_asked() -> None:
    listener, key = OutcomeListener(), request_key("a|b", "r")
    with listener.follow(key) as one, listener.follow(key) as two, listener.follow("another|r") as other:
        await listener.take([answer("of nobody here", id_=f"{key}|accepted|2")])
        assert [queue.get_nowait() for queue in (one, two)] == [OUTCOME, OUTCOME]
        assert other.empty()
    with listener.follow(key) as again:
        assert again.empty()
    assert listener._followed == {}


async def test_an_outcome_that_can_not_be_read_is_not_handed_to_who_follows() -> None:
    listener, key = OutcomeListener(), request_key("a|b", "r")
    with listener.follow(key) as queue:
        rubbish = {**OUTCOME, "version": "2"}
        await listener.take([answer("x", each, id_=f"{key}|accepted|2") for each in (rubbish, OUTCOME)])
        assert queue.get_nowait() == OUTCOME
        assert queue.empty()


async def test_who_follows_is_told_that_the_process_stops() -> None:
    listener = OutcomeListener()
    with listener.follow("a") as one, listener.follow("b") as two:
        listener.stop()
        async with asyncio.timeout(5):
            assert [await queue.get() for queue in (one, two)] == [None, None]
