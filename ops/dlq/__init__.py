"""`ops dlq`: dead letters, which are messages that a process could not handle, and what becomes of them."""

import asyncio
import sys
from typing import Annotated, Any

import orjson
import typer

from ops import show
from ops.dlq import handling
from ops.dlq.dead_letters import DeadLetter, Mark, Wanted, place
from ops.errors import OpsError
from shared.runtime.settings import KafkaSettings

app = typer.Typer(help="Dead letters: messages that a process could not handle.", no_args_is_help=True)

Process = Annotated[str, typer.Argument(help="process whose dead letters they are, such as structure_svc")]
Places = Annotated[
    list[str] | None, typer.Argument(metavar="PARTITION:OFFSET", help="dead letters, as `list` shows them")
]
Code = Annotated[str | None, typer.Option(help="only those with this code")]
Topic = Annotated[str | None, typer.Option(help="only those that came from this topic")]
Id = Annotated[str | None, typer.Option("--id", help="only those of this request id")]
All = Annotated[bool, typer.Option("--all", help="all that are left")]
Again = Annotated[bool, typer.Option("--again", help="those that were replayed or discarded before too")]


@app.command("list")
def list_command(
    process: Process,
    *,
    code: Code = None,
    topic: Topic = None,
    id_: Id = None,
    handled: Annotated[bool, typer.Option("--handled", help="those that were replayed or discarded too")] = False,
    count: Annotated[bool, typer.Option("--count", help="how many for each code and topic")] = False,
    limit: show.Limit = show.MOST,
    as_json: show.Json = False,
) -> None:
    """List the dead letters that nobody has replayed or discarded, oldest first. No value of a message is shown."""
    wanted = Wanted(code=code, topic=topic, id=id_)
    nothing = f"No dead letter of {process} is left."
    if count:
        counted = asyncio.run(handling.counted(KafkaSettings(), process, wanted, handled=handled))
        lines = [{"dead_letters": n, "code": c, "topic": t} for (c, t), n in counted.most_common()]
        show.table(lines, as_json=as_json, nothing=nothing)
        return

    def line(dead_letter: DeadLetter, mark: Mark | None) -> dict[str, Any]:
        return _summary(dead_letter) | ({"done": mark.done if mark else None} if handled else {})

    found = asyncio.run(handling.found(KafkaSettings(), process, wanted, line, handled=handled, limit=limit))
    show.table(found.kept, as_json=as_json, nothing=nothing)
    if found.more:
        show.note(f"There are {found.more} more: narrow the list, count them with --count, or raise --limit.")


@app.command("show")
def show_command(
    process: Process,
    at: Annotated[str, typer.Argument(metavar="PARTITION:OFFSET", help="the dead letter, as `list` shows it")],
) -> None:
    """Show one dead letter in full, body included. It may hold personal data: keep it to this screen."""
    wanted = Wanted(places=[place(at)])
    found = asyncio.run(handling.found(KafkaSettings(), process, wanted, _both, handled=True, limit=1))
    [(dead_letter, mark)] = found.kept
    show.note("What follows may hold personal data: do not copy it into a ticket, a chat or a log.")
    for name, value in _summary(dead_letter).items():
        print(f"{name:10} {'-' if value is None else show.safe(str(value))}")
    came = dead_letter.original
    print(f"{'came from':10} {came.topic}, partition {came.partition}, offset {came.offset}")
    print(f"{'done':10} {f'{mark.done} on {show.moment(mark.at)}' if mark else 'nothing yet'}")
    print(f"\nkey        {came.key!r}")
    for name, raw in came.headers:
        print("header     " + show.safe(f"{name}: {raw.decode(errors='backslashreplace')}"))
    print(f"\n{_body(dead_letter)}")


@app.command("replay")
def replay_command(
    process: Process,
    at: Places = None,
    *,
    code: Code = None,
    topic: Topic = None,
    id_: Id = None,
    every: All = False,
    again: Again = False,
    limit: show.Limit = show.MOST,
    dry_run: show.DryRun = False,
    yes: show.Yes = False,
) -> None:
    """Send dead letters again to the topic they came from, as the same requests of the same people.

    The request id stays, so that two replays have one effect. What is refused again is answered to whoever asked, and
    becomes a new dead letter.
    """
    wanted = _wanted(at, code, topic, id_, every=every)
    _handle("replayed", process, wanted, again=again, limit=limit, dry_run=dry_run, yes=yes)


@app.command("discard")
def discard_command(
    process: Process,
    at: Places = None,
    *,
    code: Code = None,
    topic: Topic = None,
    id_: Id = None,
    every: All = False,
    limit: show.Limit = show.MOST,
    dry_run: show.DryRun = False,
    yes: show.Yes = False,
) -> None:
    """Mark dead letters as handled without sending them: `list` shows them no more. Kafka keeps them its 14 days."""
    wanted = _wanted(at, code, topic, id_, every=every)
    _handle("discarded", process, wanted, again=False, limit=limit, dry_run=dry_run, yes=yes)


def _wanted(at: list[str] | None, code: str | None, topic: str | None, id_: str | None, *, every: bool) -> Wanted:
    chosen = [at, code, topic, id_]
    if not any(chosen) and not every:
        raise OpsError("say which dead letters: places such as 0:12, a filter (--code, --topic, --id), or --all")
    if any(chosen) and every:
        raise OpsError("--all means every dead letter: leave it out, or the places and filters")
    return Wanted(frozenset(place(text) for text in at or ()), code, topic, id_)


def _both(dead_letter: DeadLetter, mark: Mark | None) -> tuple[DeadLetter, Mark | None]:
    return dead_letter, mark


def _handle(done: str, process: str, wanted: Wanted, *, again: bool, limit: int, dry_run: bool, yes: bool) -> None:
    kafka = KafkaSettings()
    found = asyncio.run(handling.found(kafka, process, wanted, _both, handled=again, limit=limit))
    chosen = [dead_letter for dead_letter, _ in found.kept]
    if not chosen:
        print("No dead letter is left that matches.")
        return
    if len(chosen) > 1 and not dry_run:
        show.agree(f"{len(chosen)} dead letters of {process} will be {done}. Go on?", yes=yes)
    left = asyncio.run(handling.handle(kafka, chosen, done, dry_run=dry_run))
    for dead_letter, why in left:
        show.note(f"{dead_letter.place} is left: {why}.")
    print(f"{len(chosen) - len(left)} of {len(chosen)} dead letters {'would be ' if dry_run else ''}{done}.")
    if found.more:
        show.note(f"There are {found.more} more: run it again, or raise --limit.")
    if left:
        sys.exit(1)


def _summary(dead_letter: DeadLetter) -> dict[str, Any]:
    return {**dead_letter.summary(), "at": show.moment(dead_letter.at)}


def _body(dead_letter: DeadLetter) -> str:
    value = dead_letter.original.value or b""
    try:
        return orjson.dumps(orjson.loads(value), option=orjson.OPT_INDENT_2).decode()
    except orjson.JSONDecodeError:
        return show.safe(value.decode(errors="backslashreplace"))
