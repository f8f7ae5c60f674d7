"""Requests as they are read: one's own, those of a structure, and what changed on it (rules R20, R21)."""

import itertools
from typing import Any

import pytest

from shared.clock import SECOND, iso
from tests.integration.gateway.stack import ADMIN, Stack, fresh_id, fresh_user, readable, until

_seconds = itertools.count(1_700_000_000)


async def made(stack: Stack, maker: str, structure: int, status: str = "applied", **fields: Any) -> str:
    """Tell a request and its last step; return its id."""
    request_id = f"r{fresh_id()}"
    at = iso(next(_seconds) * SECOND)
    step = {
        "actor": maker,
        "request_id": request_id,
        "version": 2,
        "reference": {"structure": {"id": structure}},
        "received_at": at,
        "at": at,
        **fields,
    }
    if status != "accepted":
        await stack.owners.journal("structure", **{**step, "version": 1}, status="accepted")
    await stack.owners.journal("structure", **step, status=status)
    async with stack.as_(maker) as client:
        await until(lambda: _is(client, request_id, status))
    return request_id


async def _is(client: Any, request_id: str, status: str) -> bool:
    answer = await client.get(f"/requests/{request_id}")
    return bool(answer.status_code == 200 and answer.json()["status"] == status)


async def test_a_request_is_read_with_each_step_it_went_through(stack: Stack) -> None:
    maker, id_ = fresh_user("maker"), fresh_id()
    effective = iso(1_800_000_000_000)
    request_id = await made(
        stack, maker, id_, effective_at=effective, before={"label": "a"}, after={"label": "b"}, code="applied"
    )
    async with stack.as_(maker) as client:
        shown = (await client.get(f"/requests/{request_id}")).json()
    assert [step["status"] for step in shown["steps"]] == ["accepted", "applied"]
    assert (shown["before"], shown["after"], shown["effective_at"]) == ({"label": "a"}, {"label": "b"}, effective)
    assert shown["message"] == "Votre demande est effective."
    assert shown["version"] == 2


async def test_steps_that_come_in_another_order_make_the_same_request(stack: Stack) -> None:
    maker, request_id = fresh_user("maker"), f"r{fresh_id()}"
    about = {"actor": maker, "request_id": request_id, "reference": {"structure": {"id": 1}}}
    await stack.owners.journal("structure", **about, status="applied", version=3)
    await stack.owners.journal("structure", **about, status="waiting", version=0, code="waiting_insee")
    await stack.owners.journal("structure", **about, status="accepted", version=2)
    async with stack.as_(maker) as client:
        shown = await until(lambda: _with_steps(client, request_id, 3))
    assert (shown["status"], shown["version"]) == ("applied", 3)
    assert [step["status"] for step in shown["steps"]] == ["waiting", "accepted", "applied"]


async def _with_steps(client: Any, request_id: str, count: int) -> Any:
    answer = await client.get(f"/requests/{request_id}")
    return answer.json() if answer.status_code == 200 and len(answer.json()["steps"]) == count else None


@pytest.mark.parametrize(
    ("access_level", "seen"),
    [
        ("ended", False),
        ("consultation", True),
        ("administrator", True),
    ],
)
async def test_anothers_request_is_read_by_who_may_consult_its_structure(
    stack: Stack, access_level: str, seen: bool
) -> None:
    id_, maker, user = fresh_id(), fresh_user("maker"), fresh_user("reader")
    await stack.owners.structure(id_, maker)
    await stack.owners.team(
        id_, maker, {user: access_level} if access_level in {"ended", "consultation", "modification"} else {}
    )
    request_id = await made(stack, maker, id_)
    async with stack.as_(maker) as client:
        await readable(client, f"/structures/{id_}/members")
    async with stack.admin() if access_level == "administrator" else stack.as_(user) as client:
        answer = await client.get(f"/requests/{request_id}", params={"actor": maker})
        assert (answer.status_code == 200) is seen
        if not seen:
            assert answer.json()["code"] == "not_found"
        listed = await client.get(f"/structures/{id_}/requests")
        assert (listed.status_code == 200) is seen


async def test_lists_are_filtered_newest_first_and_leave_out_what_the_gateway_submitted_itself(stack: Stack) -> None:
    maker, one, two = fresh_user("maker"), fresh_id(), fresh_id()
    first = await made(stack, maker, one, type="structure.activate.v1")
    second = await made(stack, maker, two, "rejected", code="forbidden")
    third = await made(stack, maker, one, "accepted")
    await made(stack, maker, one, type="user.register.v1")
    async with stack.as_(maker) as client:

        async def listed(**params: Any) -> list[str]:
            return [r["request_id"] for r in (await client.get("/requests", params=params)).json()["items"]]

        assert await listed() == [third, second, first]
        assert await listed(size=1, page=2) == [second]
        assert await listed(status="rejected") == [second]
        assert await listed(status="received") == []
        assert await listed(type="structure.activate.v1") == [first]
        assert await listed(structure=two) == [second]
        sent = (await client.post("/structures/1/activate")).json()
        assert await listed(status="received") == [sent["request_id"]]


async def test_the_requests_of_a_structure_are_everybodys(stack: Stack) -> None:
    id_, principal, other = fresh_id(), fresh_user("principal"), fresh_user("other")
    await stack.owners.structure(id_, principal)
    theirs, mine = await made(stack, other, id_), await made(stack, principal, id_, "accepted")
    async with stack.as_(principal) as client:
        path = f"/structures/{id_}/requests"
        await readable(client, f"/structures/{id_}")

        async def listed(**params: Any) -> list[str]:
            return [r["request_id"] for r in (await client.get(path, params=params)).json()["items"]]

        assert await listed() == [mine, theirs]
        assert await listed(actor=other) == [theirs]
        assert await listed(status="accepted") == [mine]
        assert await listed(type="nothing") == []


async def test_the_history_is_what_changed_and_nothing_else(stack: Stack) -> None:
    id_, principal = fresh_id(), fresh_user("principal")
    await stack.owners.structure(id_, principal)
    change: dict[str, Any] = {"before": {"label": "a"}, "after": {"label": "b"}}
    changed = await made(stack, principal, id_, **change)
    await made(stack, principal, id_, code="nothing_to_change")
    for status in ("rejected", "failed", "cancelled", "accepted"):
        await made(stack, principal, id_, status, **change)
    await made(stack, principal, fresh_id(), **change)
    async with stack.as_(principal) as client:
        await readable(client, f"/structures/{id_}")
        history = (await client.get(f"/structures/{id_}/history")).json()
    assert [r["request_id"] for r in history["items"]] == [changed]
    assert history["items"][0]["actor"] == principal
    assert {name: history["items"][0][name] for name in change} == change


async def test_a_structure_as_it_was_at_an_instant(stack: Stack) -> None:
    id_, principal = fresh_id(), fresh_user("principal")
    created = {"before": {}, "after": {"label": "un"}}
    changes: list[dict[str, Any]] = [
        {"before": {"label": "un", "phone": None}, "after": {"label": "deux", "phone": "0102030405"}},
        {"before": {"label": "deux", "status": "inactive"}, "after": {"label": None, "status": "active"}},
    ]
    for version, (change, at) in enumerate(zip([created, *changes], (10, 20, 30), strict=True), 1):
        # It applied later than it was due, which is no matter.
        late, due = iso(at * 1000 + 5_000), iso(at * 1000)
        await made(stack, principal, id_, version=version, at=late, effective_at=due, **change)
    await stack.owners.structure(id_, principal, version=3, label=None, status="active", phone="0102030405")
    async with stack.as_(principal) as client, stack.admin() as admin, stack.as_(fresh_user("other")) as other:
        path = f"/structures/{id_}"

        async def was(second: float, offset: str = "Z") -> Any:
            at = iso(round(second * 1000)).removesuffix("Z") + offset
            return await client.get(path, params={"at": at})

        now = await readable(client, path, at=iso(30_000))
        assert (now["version"], now["status"], now["phone"]) == (3, "active", "0102030405")
        assert "label" not in now
        for second, version, label, phone in (
            (10, 1, "un", None),
            (19.999, 1, "un", None),
            (20, 2, "deux", "0102030405"),
        ):
            former = (await was(second)).json()
            assert (former["version"], former["label"], former.get("phone")) == (version, label, phone)
            assert (former["status"], former["pending"], former["possible_requests"]) == ("inactive", [], [])
        assert (await was(10 + 2 * 3600, "+02:00")).json()["version"] == 1
        for early in (await was(9.999), await client.get(path, params={"at": "0001-01-01T00:00:00+14:00"})):
            assert (early.status_code, early.json()["code"]) == (404, "structure_not_found")
        assert (await admin.get(path, params={"at": iso(10_000)})).json()["label"] == "un"
        assert (await other.get(path, params={"at": iso(10_000)})).status_code == 403  # It shows what only members see.
        later = await client.get(path, params={"at": "2999-01-01T00:00:00Z"})
        assert [(e["field"], e["code"]) for e in later.json()["errors"]] == [("query.at", "instant_to_come")]


async def test_a_former_structure_is_not_shown_before_all_its_changes_are_known(stack: Stack) -> None:
    id_, principal = fresh_id(), fresh_user("principal")
    await made(stack, principal, id_, version=1, effective_at=iso(10_000), before={}, after={"label": "un"})
    await stack.owners.structure(id_, principal, version=2, label="deux")
    async with stack.as_(principal) as client:
        await readable(client, f"/structures/{id_}")
        answer = await client.get(f"/structures/{id_}", params={"at": iso(10_000)})
        assert (answer.status_code, answer.json()["code"]) == (425, "not_yet")
        await made(
            stack, principal, id_, version=2, effective_at=iso(20_000), before={"label": "un"}, after={"label": "deux"}
        )
        assert (await readable(client, f"/structures/{id_}", at=iso(10_000)))["label"] == "un"


async def test_an_id_sent_to_two_owners_hides_no_change(stack: Stack) -> None:
    id_, principal = fresh_id(), fresh_user("principal")
    await stack.owners.structure(id_, principal, version=2)
    change: dict[str, Any] = {"before": {"label": "a"}, "after": {"label": "b"}}
    changed = await made(stack, principal, id_, **change)
    same = {"actor": principal, "request_id": changed, "reference": {"structure": {"id": id_}}}
    later = {"version": 9, "received_at": iso(1_900_000_000_000), "type": "membership.set.v1"}
    await stack.owners.journal("manager", **same, **later, status="rejected", code="principal_only")
    async with stack.as_(principal) as client:
        await readable(client, f"/structures/{id_}")
        await until(lambda: _is(client, changed, "rejected"))
        history = (await client.get(f"/structures/{id_}/history")).json()
        assert [(r["request_id"], r["owner"], r["after"]) for r in history["items"]] == [
            (changed, "structure", change["after"])
        ]
        requests = (await client.get(f"/structures/{id_}/requests")).json()["items"]
        assert [(r["owner"], r["status"]) for r in requests] == [("manager", "rejected"), ("structure", "applied")]
        cancelled = await client.post(f"/requests/{changed}/cancel")
        assert cancelled.json()["type"] == "structure.cancel.v1"


async def test_a_former_structure_is_not_shown_before_its_record_is_known(stack: Stack) -> None:
    id_, principal = fresh_id(), fresh_user("principal")
    await stack.owners.structure(id_, principal, version=1, label="un")
    await made(stack, principal, id_, version=1, effective_at=iso(10_000), before={}, after={"label": "un"})
    async with stack.as_(principal) as client:
        path = f"/structures/{id_}"
        assert (await readable(client, path, at=iso(30_000)))["version"] == 1
        await made(
            stack, principal, id_, version=2, effective_at=iso(20_000), before={"label": "un"}, after={"label": "deux"}
        )
        answer = await client.get(path, params={"at": iso(30_000)})
        assert (answer.status_code, answer.json()["code"]) == (425, "not_yet")
        await stack.owners.structure(id_, principal, version=2, label="deux")
        assert (await readable(client, path, at=iso(30_000)))["label"] == "deux"


async def test_a_former_structure_is_not_made_from_an_outcome_which_says_nothing_of_what_changed(
    stack: Stack,
) -> None:
    id_, principal = fresh_id(), fresh_user("principal")
    await made(stack, principal, id_, version=1, effective_at=iso(10_000), before={}, after={"sphere": "private"})
    await stack.owners.structure(id_, principal, version=2, sphere="state")
    outcome = {"status": "applied", "version": 2, "at": iso(20_000), "reference": {"structure": {"id": id_}}}
    stack.owners.decide = lambda event: outcome if event.attributes.get("actor") == principal else None
    async with stack.as_(principal, wait=10, scope=ADMIN) as client:
        path = f"/structures/{id_}"
        await readable(client, path)
        answer = await client.post(f"{path}/correct-sphere", json={"sphere": "state"})
        assert answer.json()["status"] == "applied"
        was = await client.get(path, params={"at": iso(10_000)})
        assert (was.status_code, was.json()["code"]) == (425, "not_yet")
        step = {"actor": principal, "request_id": answer.json()["request_id"], "type": "structure.correct-sphere.v1"}
        change = {"before": {"sphere": "private"}, "after": {"sphere": "state"}}
        await stack.owners.journal("structure", **step, **outcome, **change)
        assert (await readable(client, path, at=iso(10_000)))["sphere"] == "private"


async def test_a_former_structure_is_the_same_when_clocks_differ(stack: Stack) -> None:
    id_, principal = fresh_id(), fresh_user("principal")
    for version, at, before, after in ((1, 10, None, "un"), (2, 30, "un", "deux"), (3, 20, "deux", "trois")):
        change: dict[str, Any] = {"before": {"label": before} if before else {}, "after": {"label": after}}
        # It applied later than it was due, which is no matter.
        late, due = iso(at * 1000 + 5_000), iso(at * 1000)
        await made(stack, principal, id_, version=version, at=late, effective_at=due, **change)
    await stack.owners.structure(id_, principal, version=3, label="trois")
    async with stack.as_(principal) as client:
        for second, label in ((10, "un"), (20, "trois"), (25, "trois"), (30, "trois")):
            former = await readable(client, f"/structures/{id_}", at=iso(second * 1000))
            assert former["label"] == label


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/structures/1?at=hier", "query.at"),
        ("/structures/1?at=2026-01-01T00:00:00", "query.at"),
        ("/requests/a%20b", "path.request_id"),
        ("/requests/" + "x" * 101, "path.request_id"),
        ("/requests?structure=0", "query.structure"),
        ("/requests?structure=9007199254740992", "query.structure"),
        ("/requests?status=done", "query.status"),
        ("/structures/1/requests?actor=a%0Ab", "query.actor"),
    ],
)
async def test_a_wrong_parameter_is_named(stack: Stack, path: str, field: str) -> None:
    async with stack.as_(fresh_user("u")) as client:
        answer = await client.get(path)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert [e["field"] for e in answer.json()["errors"]] == [field]
