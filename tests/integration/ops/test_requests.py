"""`ops requests`: what is late and what waits is seen without its values, and what is late can be triggered."""

import asyncio
import signal
from typing import Any

import pytest
from pydantic import SecretStr
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from shared.engine.storage import views
from shared.mongo import client as mongo
from shared.runtime.settings import MongoSettings
from tests.integration.ops.conftest import Ops
from tests.journeys.builders import new_structure
from tests.support.system import System, until

pytestmark = pytest.mark.timeout(400)
"""A whole system is started within the first test, and each command is a process: slow on a busy machine."""

SECRET = "un libellé que personne ne doit lire"


def test_a_change_whose_trigger_is_lost_is_overdue_and_applied_when_triggered(system: System, ops: Ops) -> None:
    structure = new_structure(system)
    document = f"structure:{structure['id']}"

    def late() -> list[dict[str, Any]]:
        return [item for item in ops.items("requests", "overdue") if item["document"] == document]

    relay = system.supervisor["delay_svc"]
    relay.send(signal.SIGSTOP)
    try:
        with system.as_("alice") as api:
            request = api.patch(f"/structures/{structure['id']}", json={"label": SECRET}).json()
            assert late() == [], "it is not due yet"
            [item] = until(late, 60, what="the change is overdue")
            assert (item["owner"], item["request_id"], item["actor"]) == ("structure", request["request_id"], "alice")
            assert item["type"] == "structure.modify.v1"
            assert item["late_for"] > 5_000
            shown = ops.run("requests", "overdue").stdout
            assert document in shown
            assert SECRET not in shown
            dry = ops.run("requests", "trigger", "structure", document, "--dry-run").stdout
            assert "1 documents would be triggered" in dry
            assert late(), "a dry run does nothing"
            assert "1 documents triggered" in ops.run("requests", "trigger", "structure", document).stdout
            until(lambda: api.get(f"/requests/{request['request_id']}").json()["status"] == "applied", what="applied")
        assert late() == []
    finally:
        relay.send(signal.SIGCONT)


def test_of_more_than_the_limit_it_is_said_that_there_are_more(system: System, ops: Ops) -> None:
    structures = [new_structure(system)["id"] for _ in range(3)]
    relay = system.supervisor["delay_svc"]
    relay.send(signal.SIGSTOP)
    try:
        with system.as_("alice") as api:
            for id_ in structures:
                api.patch(f"/structures/{id_}", json={"label": SECRET})
        late = {f"structure:{id_}" for id_ in structures}
        until(
            lambda: late <= {item["document"] for item in ops.items("requests", "overdue")},
            60,
            what="three are overdue",
        )
        cut = ops.run("requests", "overdue", "--limit", "2", "--json")
        assert len(cut.stdout.splitlines()) == 2
        assert "There are more" in cut.stderr
        assert ops.run("requests", "overdue", "--owner", "structure", "--limit", "1000").stderr == ""
        triggered = ops.run("requests", "trigger", "structure", "--all", "--limit", "2")
        assert "2 documents triggered" in triggered.stdout
        assert "There are more" in triggered.stderr
        left = late & {item["document"] for item in ops.items("requests", "overdue")}
        ops.run("requests", "trigger", "structure", *sorted(left), "--limit", "1")
        until(
            lambda: not late & {item["document"] for item in ops.items("requests", "overdue")},
            60,
            what="none is overdue",
        )
    finally:
        relay.send(signal.SIGCONT)


def test_a_request_that_waits_is_seen_with_what_it_waits_for(system: System, ops: Ops) -> None:
    siret = "00010001600013"
    insee = system.supervisor["insee_adapter"]
    insee.send(signal.SIGSTOP)
    try:
        with system.as_("alice", wait=None) as api:
            body = {"identifier": {"type": "SIRET", "value": siret}, "label": SECRET}
            request_id = api.post("/structures", json=body).json()["request_id"]

        def waits() -> list[dict[str, Any]]:
            return [item for item in ops.items("requests", "waiting") if item["request_id"] == request_id]

        [item] = until(waits, 60, what="the request waits")
        assert (item["owner"], item["waits_for"], item["actor"]) == ("structure", f"insee:{siret}", "alice")
        assert item["decided_within"] > 0
        shown = ops.run("requests", "waiting", "--owner", "structure").stdout
        assert request_id in shown
        assert SECRET not in shown
    finally:
        insee.send(signal.SIGCONT)
    until(lambda: not waits(), 60, what="the request is decided")


def test_the_operators_user_reads_the_views_and_nothing_else(system: System, ops: Ops) -> None:
    new_structure(system)
    for owner in ("structure", "manager"):
        database = f"{owner}_svc"
        with MongoClient[dict[str, Any]](ops.environment("ops")[f"{database.upper()}_MONGO_URI"]) as client:
            there = client[database]
            for view in (f"{owner}_pending", f"{owner}_waiting"):
                list(there[view].find())
                with pytest.raises(OperationFailure, match="not authorized"):
                    there[view].insert_one({})
            for collection in (f"{owner}_documents", f"{owner}_requests", "copies", "counters"):
                with pytest.raises(OperationFailure, match="not authorized"):
                    there[collection].find_one()


def test_no_field_of_a_view_holds_a_value_of_a_document(system: System) -> None:
    structure = new_structure(system)
    with system.as_("alice") as api:
        api.patch(f"/structures/{structure['id']}", json={"label": SECRET})
    with MongoClient[dict[str, Any]](system.brokers.mongo_admin_uri) as client:
        document = {"_id": f"structure:{structure['id']}"}
        assert SECRET in str(client.structure_svc.structure_documents.find_one(document))
        seen = client.structure_svc.structure_pending.find_one(document)
        assert seen is not None
        assert SECRET not in str(seen)
        assert set(seen) <= {"_id", "pending"}
        allowed = {"type", "request_id", "actor", "code", "document", "received_at", "accepted_at", "effective_at"}
        for pending in seen.get("pending", ()):
            assert set(pending) <= {"due_at", "next_trigger_at", "transition"}
            assert set(pending["transition"]) <= allowed


async def test_views_are_made_once_and_made_anew_by_the_owners_own_user_when_their_definition_changes(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = system.supervisor["structure_svc"].process.env["MONGO_URI"]
    database = mongo.connect(MongoSettings(uri=SecretStr(uri), database="structure_svc"))

    async def pipeline() -> Any:
        found = await database.command({"listCollections": 1, "filter": {"name": "structure_pending"}})
        return found["cursor"]["firstBatch"][0]["options"]["pipeline"]

    try:
        before = await pipeline()
        await views.prepare(database, "structure")
        assert await pipeline() == before
        monkeypatch.setitem(views._SHOWN, views.PENDING, ("pending.due_at",))
        await asyncio.gather(views.prepare(database, "structure"), views.prepare(database, "structure"))
        assert await pipeline() == [{"$project": {"pending.due_at": 1}}]
        monkeypatch.undo()
        await views.prepare(database, "structure")
        assert await pipeline() == before
    finally:
        database.client.close()
