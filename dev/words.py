"""Checks names for private words instead of the field's standard ones: with one of the list, `make check` fails.

A name is checked by its parts: `is_told` has the part `told`. Names of test functions are sentences, so ordinary
English words are allowed in them. The standard words are in `docs/glossary.md`.
"""

import io
import re
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
FOLDERS = ("shared", "services", "gateway", "ops", "dev", "bench", "tests")

INSTEAD = {
    "told": "outcome, journal entry, diff, payload",
    "untold": "unpublished",
    "tell": "publish, report",
    "tells": "publishes",
    "around": "batch",
    "poke": "trigger",
    "poked": "triggered",
    "pokes": "triggers",
    "letter": "dead letter",
    "letters": "dead letters",
    "bury": "dead_letter",
    "buried": "dead_lettered",
    "door": "adapter, entry point, consumer",
    "doors": "adapters, entry points, consumers",
    "row": "record",
    "rows": "records",
    "introduce": "register",
    "introductions": "registration",
    "otherwise": "timeout_code, alternatives",
    "settle": "republish, commit, wait for propagation",
    "settled": "republished, committed",
    "guarded": "versioned upsert",
    "tail": "outcome listener",
    "past": "history",
    "asking": "submission",
    "asks": "write_responses",
    "gives": "read_responses",
    "rung": "access level",
    "rungs": "access levels",
    "proved": "authenticated",
    "hurt": "inject_faults",
    "bears": "tolerates",
    "lacks": "missing",
    "leash": "watchdog",
    "keeper": "orphan reaper",
    "lab": "harness",
    "world": "scenario",
}
IN_SENTENCES = frozenset(
    {"told", "tell", "tells", "around", "letter", "letters", "row", "past", "asks", "gives", "world", "lacks"}
    | {"settled", "otherwise", "tail", "proved", "rows"}
)
"""Ordinary English words, which the name of a test may need."""
KNOWN = re.compile(r"dead_letters?|given_name|whole_world|letters_of_old_irish|between_letters")
"""Names in which such a word is a standard term."""

TABLES = {"row", "rows"}
"""Words allowed in `ops`, whose commands show tables."""

_PART = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


def private_words(name: str) -> Iterator[str]:
    """Yield the private words that a name has among its parts."""
    parts = "_".join(_PART.findall(name)).lower()
    is_sentence = name.startswith("test_")
    for part in KNOWN.sub("", parts).split("_"):
        if part in INSTEAD and not (is_sentence and part in IN_SENTENCES):
            yield part


def names(source: str) -> Iterator[tuple[int, str]]:
    """Yield every name of a module, with its line."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.NAME:
            yield token.start[0], token.string


def problems() -> list[str]:
    """Return each use of a private word, with the word to use instead."""
    found = []
    for folder in FOLDERS:
        for file in sorted((ROOT / folder).rglob("*.py")):
            if file == Path(__file__):
                continue
            place = str(file.relative_to(ROOT))
            found += [f"{place}: a file is named {word}: {INSTEAD[word]}" for word in private_words(file.stem)]
            for line, name in names(file.read_text(encoding="utf-8")):
                private = set(private_words(name)) - (TABLES if folder == "ops" else set())
                found += [f"{place}:{line}: {name}: say {INSTEAD[word]}" for word in sorted(private)]
    return found


def main() -> int:
    """Print the problems; return 1 if there are any."""
    found = problems()
    for problem in found:
        print(problem)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
