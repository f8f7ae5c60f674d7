"""`ops read-model`: the gateway's read model, which is built from the topics and can always be rebuilt."""

import asyncio
import re
from typing import Annotated, Any

import typer

from gateway.read_model.schema import COLLECTIONS, ReadModel
from ops import admin, offsets, show
from ops.errors import OpsError
from ops.rebuilding import rebuild
from ops.settings import AdminSettings
from shared.clock import SystemClock
from shared.mongo import client as mongo
from shared.runtime.settings import KafkaSettings, MongoSettings

app = typer.Typer(
    help="The gateway's read model. To be run as the gateway: with its users of Kafka and MongoDB.",
    no_args_is_help=True,
)

Generation = Annotated[
    str, typer.Option(envvar="READ_MODEL", help="generation, as the gateways' READ_MODEL says", show_default=True)
]
_PROCESS = "gateway"


@app.command("list")
def list_command(*, as_json: show.Json = False) -> None:
    """List the generations there are, with what each holds and how many gateways write to it."""
    generations = asyncio.run(_with_database(_generations))
    members = _members()
    rows = [{**each, "gateways": members.get(each["generation"], 0)} for each in generations]
    show.table(rows, as_json=as_json, nothing="There is no read model: a gateway makes it when it starts.")


@app.command("rebuild")
def rebuild_command(*, generation: Generation = "g1", dry_run: show.DryRun = False, yes: show.Yes = False) -> None:
    """Rebuild the read model from the topics while gateways go on serving, then replace the old one.

    Nothing has to be stopped or restarted. Interrupted, it leaves the old content or is to be run again.
    """
    generations = asyncio.run(_with_database(_generations))
    old = next((each for each in generations if each["generation"] == generation), None)
    if old is None:
        raise OpsError(f"there is no read model {generation}: see `read-model list` (gateways make it by starting)")
    if dry_run:
        print(f"{generation} ({old['structures']} structures, {old['requests']} requests) would be rebuilt.")
        return
    show.agree(f"The content of {generation} will be replaced by what the topics hold. Go on?", yes=yes)

    async def work(database: Any) -> Any:
        with show.counting("records") as advance:
            return await rebuild(KafkaSettings(), database, generation, SystemClock(), advance)

    built = asyncio.run(_with_database(work))
    print(f"{generation} is rebuilt from {built.records} records.")
    if built.unreadable:
        show.note(f"{built.unreadable} records can't be read: `dlq list gateway` says why.")


@app.command("drop")
def drop_command(
    generation: Annotated[str, typer.Argument(help="generation that no gateway uses any more")],
    *,
    dry_run: show.DryRun = False,
    yes: show.Yes = False,
) -> None:
    """Remove a generation. Refused while a gateway writes to it."""
    if generation not in {each["generation"] for each in asyncio.run(_with_database(_generations))}:
        raise OpsError(f"there is no read model {generation}: see `read-model list`")
    if gateways := _members().get(generation, 0):
        raise OpsError(f"{gateways} gateways use {generation}: give them another READ_MODEL first")
    if dry_run:
        print(f"{generation} would be removed.")
        return
    show.agree(f"{generation} will be removed for good. Go on?", yes=yes)
    asyncio.run(_with_database(lambda database: ReadModel(database, generation).drop()))
    print(f"{generation} is removed.")


async def _with_database(work: Any) -> Any:
    database = mongo.connect(MongoSettings())
    try:
        return await work(database)
    finally:
        database.client.close()


async def _generations(database: Any) -> list[dict[str, Any]]:
    names = await database.list_collection_names()
    found = sorted({match[1] for name in names if (match := re.fullmatch(rf"(?:{'|'.join(COLLECTIONS)})_(\w+)", name))})
    generations = []
    for generation in found:
        model = ReadModel(database, generation)
        each: dict[str, Any] = {"generation": generation}
        for what in COLLECTIONS:
            each[what] = await model.collection(what).estimated_document_count()
        generations.append(each)
    return generations


def _members() -> dict[str, int]:
    """Return how many gateways write to each generation: its groups are named after it."""
    client = admin.connect(AdminSettings())
    members: dict[str, int] = {}
    for group in offsets.groups(client, offsets.group_names(client, [_PROCESS])):
        generation = group.name.split(".")[1]
        members[generation] = max(members.get(generation, 0), group.members)
    return members
