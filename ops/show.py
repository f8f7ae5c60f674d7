"""How commands show what they found, for people and, with --json, for other programs."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

Json = Annotated[bool, typer.Option("--json", help="one JSON object a line, for other programs")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="only say what would be done")]
Yes = Annotated[bool, typer.Option("--yes", help="do not ask before doing it")]
Limit = Annotated[int, typer.Option("--limit", min=1, help="at most so many; the command says when there are more")]
MOST = 1_000
"""How many are listed, or handled, unless `--limit` says otherwise: what is in a topic or a database has no bound."""

_WIDEST = 80


def table(found: Sequence[Mapping[str, Any]], *, as_json: bool, nothing: str) -> None:
    """Print rows under the names of their columns; print `nothing` when there are none."""
    if as_json:
        for row in found:
            print(json.dumps(row, ensure_ascii=False))
        return
    if not found:
        print(nothing)
        return
    names = list(found[0])
    lines = [[name.replace("_", " ").upper() for name in names]]
    lines += [["-" if row[name] is None else safe(str(row[name]))[:_WIDEST] for name in names] for row in found]
    widths = [max(len(line[column]) for line in lines) for column in range(len(names))]
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def safe(text: str) -> str:
    """Return a text that a stranger wrote so that it can't steer the terminal it is shown on."""
    return "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text)


def note(text: str) -> None:
    """Print a remark on standard error, where it does not mix with what was asked for."""
    print(text, file=sys.stderr)


def moment(instant: int) -> str:
    """Write an instant (ms) to the second, in UTC."""
    return datetime.fromtimestamp(instant / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def since(ms: int) -> str:
    """Write for how long something lasts (ms) with its two largest units, such as `1h05m`."""
    seconds = max(0, ms) // 1000
    days, hours, minutes = seconds // 86_400, seconds // 3600 % 24, seconds // 60 % 60
    if days:
        return f"{days}d{hours:02}h"
    if hours:
        return f"{hours}h{minutes:02}m"
    return f"{minutes}m{seconds % 60:02}s" if minutes else f"{seconds}s"


def agree(question: str, *, yes: bool) -> None:
    """Ask before something is done, unless `yes`. Ends the command when the answer is no."""
    if not yes:
        typer.confirm(question, abort=True, err=True)


def progress(items: Sequence[Any], label: str) -> Any:
    """Return a context that gives the items one after the other and shows how far it is, on a terminal."""
    return typer.progressbar(items, label=label, file=sys.stderr) if sys.stderr.isatty() else nullcontext(items)


@contextmanager
def counting(what: str) -> Iterator[Callable[[int, int], None]]:
    """Give a function that takes what is done and the total; it shows both as they move, or by tenths in a log."""
    shown = -1

    def advance(done: int, total: int) -> None:
        nonlocal shown
        percent = 100 * done // max(total, 1)
        if sys.stderr.isatty():
            sys.stderr.write(f"\r{done} of {total} {what} ({percent} %)")
        elif percent // 10 != shown:
            shown = percent // 10
            note(f"{done} of {total} {what} ({percent} %)")

    yield advance
    if sys.stderr.isatty():
        sys.stderr.write("\n")


def chunks(items: Sequence[Any], size: int) -> Iterable[Sequence[Any]]:
    """Return the items, `size` at a time."""
    return (items[start : start + size] for start in range(0, len(items), size))
