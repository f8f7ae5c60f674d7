"""`ops requests`: changes that are late, requests that wait."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Annotated, Any

import typer

from ops import show
from ops.errors import OpsError
from ops.requests import seen
from ops.sending import publishing
from shared.clock import SystemClock
from shared.contracts.messages.cloudevents import Message
from shared.engine.runtime.publish import due_trigger
from shared.runtime.settings import KafkaSettings

app = typer.Typer(help="Changes that are late and requests that wait; no value is ever shown.", no_args_is_help=True)

Look = Callable[[str, int, int], Coroutine[Any, Any, list[seen.RequestRecord]]]
Owner = Annotated[str | None, typer.Option(help="only of this owner, such as structure")]


@app.command("overdue")
def overdue_command(*, owner: Owner = None, limit: show.Limit = show.MOST, as_json: show.Json = False) -> None:
    """List changes that should have been applied already. Normally there is none.

    Their owner is triggered again by itself, at growing intervals of at most 15 minutes: `trigger` does it now.
    """
    _list(seen.overdue, "overdue", owner, limit, as_json=as_json)


@app.command("waiting")
def waiting_command(*, owner: Owner = None, limit: show.Limit = show.MOST, as_json: show.Json = False) -> None:
    """List requests that are not decided yet, with what each waits for and when it is decided at the latest."""
    _list(seen.waiting, "waiting", owner, limit, as_json=as_json)


@app.command("trigger")
def trigger_command(
    owner: Annotated[str, typer.Argument(help="owner of the documents, such as structure")],
    documents: Annotated[list[str] | None, typer.Argument(help="such as structure:42, as `overdue` shows them")] = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="all that is overdue")] = False,
    limit: show.Limit = show.MOST,
    dry_run: show.DryRun = False,
) -> None:
    """Trigger an owner now for documents with overdue changes. It applies what is due and nothing else."""
    if bool(documents) == every:
        raise OpsError("say which documents, such as structure:42, or --all")
    [name] = seen.chosen(owner)
    found = asyncio.run(seen.overdue(name, _now(), max(limit, len(documents or ())), documents or None))
    late = {record["document"]: record["due_at"] for record in reversed(found)}
    if unknown := sorted(set(documents or ()) - set(late)):
        raise OpsError(f"nothing of {', '.join(unknown)} is overdue: see `requests overdue --owner {name}`")
    chosen = documents or list(late)[:limit]
    triggers = [due_trigger(name, document, late[document], _now(), source="/ops") for document in chosen]
    if not dry_run and triggers:
        asyncio.run(_publish(triggers))
    print(f"{len(triggers)} documents {'would be ' if dry_run else ''}triggered.")
    if len(late) > len(chosen):
        show.note("There are more: run it again, or raise --limit.")


def _now() -> int:
    return SystemClock().now()


def _list(look: Look, what: str, owner: str | None, limit: int, *, as_json: bool) -> None:
    found = [asyncio.run(look(name, _now(), limit)) for name in seen.chosen(owner)]
    records = [record if as_json else seen.readable(record) for some in found for record in some[:limit]]
    show.table(records, as_json=as_json, nothing=f"Nothing is {what}.")
    if any(len(some) > limit for some in found):
        show.note(f"There are more than these {limit} of an owner: raise --limit.")


async def _publish(messages: list[Message]) -> None:
    async with publishing(KafkaSettings()) as bus:
        await bus.publish(messages)
