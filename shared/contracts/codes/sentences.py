"""What an entry of the catalogue of codes is made of, and how its sentence is filled with values. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from string import Formatter
from typing import Any

from shared.contracts.codes import french


@dataclass(frozen=True)
class Code:
    """A sentence in French, and the HTTP status with which a refusal for this reason is answered.

    A sentence names its values as `{name}`. Where one may be missing, `alternatives` are the sentences to use instead,
    in this order; the last one names none.
    """

    sentence: str
    http: int = 422
    alternatives: tuple[str, ...] = ()
    _parsed: tuple[tuple[str, tuple[str, ...]], ...] = field(init=False, repr=False)
    """The sentences, most specific first, each with the names of its values. Parsed once: every outcome has one."""

    def __post_init__(self) -> None:
        # In the code they are written with the characters of a keyboard.
        object.__setattr__(self, "sentence", french.typeset(self.sentence))
        object.__setattr__(self, "alternatives", tuple(french.typeset(text) for text in self.alternatives))
        object.__setattr__(self, "_parsed", tuple((text, tuple(sorted(names(text)))) for text in self.sentences))

    @property
    def sentences(self) -> tuple[str, ...]:
        """Return its sentences, most specific first."""
        return (self.sentence, *self.alternatives)

    @property
    def values(self) -> frozenset[str]:
        """Return the names of the values that its sentences use."""
        return frozenset().union(*(names(text) for text in self.sentences))

    def filled(self, values: Mapping[str, Any]) -> str:
        """Return the first sentence whose values are all there."""
        for text, used in self._parsed:
            if not used:
                return text
            there = {name: value for name in used if (value := values.get(name)) is not None}
            if len(there) == len(used):
                return text.format_map({name: french.value(name, value) for name, value in there.items()})
        return self.sentence  # Never reached for our codes: the last sentence names no value.

    def published(self) -> dict[str, Any]:
        """Return its entry in the published catalogue."""
        more = {"alternatives": list(self.alternatives)} if self.alternatives else {}
        return {"message": self.sentence, "http": self.http, **more}


def success(sentence: str, http: int, *alternatives: str) -> Code:
    """Make the code of a success."""
    return Code(sentence, http, alternatives)


def refused(what: str, do: str, http: int = 422, *alternatives: str | tuple[str, str]) -> Code:
    """Make the code of a refusal: what is wrong, and what to do next, without which there is none.

    Each of `alternatives` is another `do`, or a pair of both.
    """
    others = [(what, other) if isinstance(other, str) else other for other in alternatives]
    return Code(f"{what} : {do}.", http, tuple(f"{what} : {do}." for what, do in others))


def names(sentence: str) -> frozenset[str]:
    """Return the names of the values that a sentence uses."""
    return frozenset(name for _, name, _, _ in Formatter().parse(sentence) if name)
