"""The door of requests on Kafka: each message by itself, answered, dead-lettered or handed on.

That who asks is proved is tested with real tokens (`tests/integration/tokens`); here a table says whose token it is.
"""

from types import SimpleNamespace
from typing import Any, cast

import orjson
import pytest

from shared.auth.verifier import Verifier
from shared.clock import MINUTE
from shared.contracts.messages.cloudevents import Message
from shared.engine.core.incoming import Incoming
from shared.engine.entrypoint.intake import Intake, body_hash
from shared.engine.runtime.publish import Publisher
from shared.errors import Rejected, Transient
from tests.support.toy import DELAY, NOW, OWNER, ManualClock
from tests.support.toy.requests import PutNow, Sweep

PARENT = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"


class Tokens:
    """Whose token it is."""

    async def verify(self, authorization: str | None, *, at: int, received: float, patience: float) -> dict[str, Any]:
        assert at == NOW - MINUTE, "a token is compared with the append time"
        assert patience < 1, "a batch waits for nobody's key"
        del received
        match authorization:
            case None:
                raise Rejected("token_missing")
            case "Bearer unreachable":
                raise Transient("the issuer does not answer")
            case "Bearer breaks":
                raise ZeroDivisionError
            case "Bearer expired":
                raise Rejected("token_expired", client="facturier")
        subject, _, client = authorization.removeprefix("Bearer ").partition("@")
        return {"sub": subject, "client_id": client or "none that a topic could bear"}


@pytest.fixture
def intake() -> Intake:
    return Intake(OWNER, cast("Verifier", Tokens()), Publisher(OWNER, DELAY), ManualClock(), process="box_svc")


def record(data: Any = None, *, offset: int = 0, **headers: str | None) -> Any:
    """Return a record of `box.requests`; a header given as None is left out."""
    given = {"ce_id": f"r{offset}", "ce_type": PutNow.type, "authorization": "Bearer alice", **headers}
    body = {"box": "1", "thing": "pen"} if data is None else data
    return SimpleNamespace(
        topic="box.requests",
        partition=2,
        offset=offset,
        timestamp=NOW - MINUTE,
        key=b"1",
        value=body if isinstance(body, bytes) else orjson.dumps(body),
        headers=[(name, value.encode()) for name, value in given.items() if value is not None],
    )


def diff(messages: list[Message]) -> list[tuple[str, str]]:
    return [
        (m.topic, dict(m.headers)["dlq_code"].decode() if m.topic == "box_svc.dlq" else orjson.loads(m.value)["code"])
        for m in messages
    ]


async def both(intake: Intake, records: list[Any]) -> tuple[list[Incoming], list[Message]]:
    read = await intake.read(records)
    assert read.unproved == []
    return read.incoming, read.out


async def test_a_request_is_read_with_all_that_it_brings(intake: Intake) -> None:
    (asked,), out = await both(intake, [record(ce_correlationid="mine", traceparent=PARENT)])
    assert out == []
    assert (asked.key, asked.request) == ("alice|r0", PutNow(box="1", thing="pen"))
    assert (asked.received_at, asked.correlation_id, asked.traceparent) == (NOW - MINUTE, "mine", PARENT)
    assert (asked.authorization, asked.record.offset) == ("Bearer alice", 0)


async def test_each_message_is_read_by_itself_and_neighbours_go_on_in_their_order(intake: Intake) -> None:
    odd = [record(b"", offset=1), record(b"{", offset=2), record([], offset=3), record(offset=4, authorization=None)]
    asked, out = await both(intake, [record(offset=0), *odd, record(offset=5)])
    assert [a.request_id for a in asked] == ["r0", "r5"]
    assert diff(out) == [
        ("box.outcomes", "message_empty"),
        ("box_svc.dlq", "message_empty"),
        ("box.outcomes", "message_unreadable"),
        ("box_svc.dlq", "message_unreadable"),
        ("box.outcomes", "invalid_request"),
        ("box_svc.dlq", "invalid_request"),
        ("box.outcomes", "token_missing"),
    ]


async def test_who_is_not_proved_is_answered_and_nothing_is_kept(intake: Intake) -> None:
    _, (answer,) = await both(intake, [record(authorization=None, ce_correlationid="mine")])
    value = orjson.loads(answer.value)
    assert (value["status"], value["code"], value["recorded"]) == ("rejected", "token_missing", False)
    assert value["message"].startswith("Jeton d’accès absent")
    assert dict(answer.headers)["ce_correlationid"] == b"mine"


UNREADABLE: dict[str, tuple[Any, dict[str, str | None], str]] = {
    "no JSON": (b"{", {}, "message_unreadable"),
    "no type": (None, {"ce_type": None}, "message_type_missing"),
    "headers as over HTTP": (
        None,
        {"ce_id": None, "ce_type": None, "ce-id": "r0", "ce-type": PutNow.type},
        "message_headers_misnamed",
    ),
    "a batch": ([{"specversion": "1.0", "id": "r0"}], {"ce_id": None, "ce_type": None}, "message_batch"),
    "another version": (None, {"ce_specversion": "0.3"}, "message_version_unsupported"),
    "Avro": (b"\x00", {"content-type": "application/avro"}, "media_type_unsupported"),
}


@pytest.mark.parametrize(("data", "headers", "code"), UNREADABLE.values(), ids=UNREADABLE)
async def test_what_can_not_be_read_is_answered_to_whoever_is_proved(
    intake: Intake, data: Any, headers: dict[str, str | None], code: str
) -> None:
    asked, (answer, dead) = await both(intake, [record(data, offset=0, **headers)])
    assert asked == []
    value = orjson.loads(answer.value)
    assert (value["request_id"], value["actor"], value["status"]) == ("r0", "alice", "rejected")
    assert (value["code"], value["recorded"], value["repeated"]) == (code, False, False)
    assert isinstance(value["type"], str)
    assert (dict(dead.headers)["dlq_code"].decode(), dict(dead.headers)["dlq_actor"]) == (code, b"alice")
    assert dict(dead.headers)["dlq_reason"] not in {b"", value["message"].encode()}, "operators are told what, exactly"


@pytest.mark.parametrize(("data", "headers", "code"), UNREADABLE.values(), ids=UNREADABLE)
@pytest.mark.parametrize("unproved", [{"authorization": None}, {"ce_actor": "bob"}], ids=["no token", "for another"])
async def test_what_can_not_be_read_and_comes_from_nobody_is_only_kept(
    intake: Intake, data: Any, headers: dict[str, str | None], code: str, unproved: dict[str, str | None]
) -> None:
    """Answers are for those who are proved: anybody could fill the topic with others."""
    asked, out = await both(intake, [record(data, offset=0, **headers, **unproved)])
    assert (asked, diff(out)) == ([], [("box_svc.dlq", code)])


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"ce_type": "box.unknown.v1", "authorization": "Bearer alice@facturier"}, "unsupported_type"),
        ({"ce_id": "a b", "authorization": "Bearer alice@facturier"}, "request_id_invalid"),
        ({"ce_actor": "marc", "authorization": "Bearer alice@facturier"}, "act_for_forbidden"),
        ({"authorization": "Bearer expired"}, "token_expired"),
    ],
)
async def test_what_is_refused_on_intake_is_answered_to_the_client_whose_token_it_is(
    intake: Intake, headers: dict[str, Any], code: str
) -> None:
    asked, out = await both(intake, [record(**headers)])
    assert (asked, diff(out)[:2]) == ([], [("box.outcomes", code), ("outcomes.facturier", code)])
    assert out[0].value == out[1].value


@pytest.mark.parametrize("type_", ["box.unknown.v1", "box.put-now.v2", Sweep.type])
async def test_an_unknown_type_and_one_that_no_message_may_bring(intake: Intake, type_: str) -> None:
    asked, out = await both(intake, [record(ce_type=type_)])
    assert (asked, diff(out)) == ([], [("box.outcomes", "unsupported_type"), ("box_svc.dlq", "unsupported_type")])


async def test_a_wrong_body_is_answered_field_by_field_and_never_with_a_value(intake: Intake) -> None:
    asked, (answer, dead) = await both(intake, [record({"thing": 7, "colour": "crimson"})])
    assert asked == []
    fields = {"box": "field_required", "thing": "text_expected", "colour": "field_unknown"}
    assert orjson.loads(answer.value)["fields"] == fields
    assert b"crimson" not in answer.value
    assert (dead.key, b"crimson" in dead.value) == (b"1", True), "the original is kept as it came"
    assert dict(dead.headers)["dlq_actor"] == b"alice"
    assert b"Bearer" not in repr(dead.headers).encode()


@pytest.mark.parametrize("id_", ["two words", "a|b", "x" * 101, "é"])
async def test_an_id_that_is_no_id_is_refused(intake: Intake, id_: str) -> None:
    asked, out = await both(intake, [record(ce_id=id_)])
    assert (asked, diff(out)[0]) == ([], ("box.outcomes", "request_id_invalid"))
    assert len(orjson.loads(out[0].value)["request_id"]) <= 100


async def test_a_message_without_an_id_has_one_that_a_redelivery_has_too(intake: Intake) -> None:
    (first, other), _ = await both(intake, [record(ce_id=None), record(ce_id=None, offset=1)])
    (again,), _ = await both(intake, [record(ce_id=None)])
    assert first.request_id == again.request_id != other.request_id


async def test_while_the_issuer_is_away_a_made_up_key_stops_no_neighbour(intake: Intake) -> None:
    made_up = record(offset=1, authorization="Bearer unreachable")
    read = await intake.read([record(), made_up, record(offset=2)])
    assert [asked.request_id for asked in read.incoming] == ["r0", "r2"]
    assert (read.out, read.unproved) == ([], [made_up]), "it is neither refused nor lost: it can't be judged now"


async def test_what_breaks_us_harms_itself_alone(intake: Intake) -> None:
    asked, out = await both(intake, [record(offset=1, authorization="Bearer breaks"), record(offset=2)])
    assert [a.request_id for a in asked] == ["r2"]
    assert diff(out) == [("box_svc.dlq", "internal_error")]


def test_a_repeat_is_known_by_its_type_and_its_fields_whatever_their_order() -> None:
    hashed = body_hash("box.put.v1", {"box": "1", "thing": {"a": 1, "b": 2}})
    assert hashed == body_hash("box.put.v1", {"thing": {"b": 2, "a": 1}, "box": "1"})
    assert hashed != body_hash("box.put.v1", {"box": "1", "thing": {"a": 1, "b": 3}})
    assert hashed != body_hash("box.put-now.v1", {"box": "1", "thing": {"a": 1, "b": 2}})
