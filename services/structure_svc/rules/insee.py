"""What INSEE says of a SIRET, and what follows from it (rules R9, R10, R22)."""

from collections.abc import Mapping

from services.structure_svc.state import sphere_of
from shared.clock import MINUTE, SECOND
from shared.contracts.messages.insee import (
    Because,
    Establishment,
    InseeAnswer,
    InseeLookUp,
    Restriction,
    Result,
    SuccessionResult,
)
from shared.contracts.messages.structure import Sphere
from shared.engine.core.rules import Context, LookUp, RequiresLookup
from shared.errors import Rejected

QUEUED, UNREACHABLE = "insee_queue", "insee_unavailable"
"""Two kinds of wait: for our turn in the queue, and for an INSEE that does not answer."""

LOOK_UP_AGAIN = 5 * MINUTE


_NO_CLEAR_SUCCESSOR: Mapping[SuccessionResult, str] = {
    SuccessionResult.NONE: "successor_none",
    SuccessionResult.SEVERAL: "successor_several",
    SuccessionResult.OTHER_UNIT: "successor_other_unit",
    SuccessionResult.CYCLE: "successor_cycle",
    SuccessionResult.TOO_LONG: "successor_too_far",
    SuccessionResult.CLOSED: "successor_closed",
    SuccessionResult.UNKNOWN: "successor_unknown",
}


def look_up(siret: str, context: Context) -> InseeAnswer | RequiresLookup:
    """Return INSEE's answer about an establishment that may be registered, or the look-up that must come first.

    Raises Rejected when it may not: unknown, closed today, or a doublon. A closing announced for a later day is no
    reason to refuse.
    """
    answer = _answer(InseeLookUp(siret=siret, actor=context.actor.id), context)
    if isinstance(answer, InseeAnswer) and (code := answer.refusal):
        details = answer.model_dump(mode="json", include={"closed_on", "opens_on", "moved_to"}, exclude_none=True)
        raise Rejected(code, fields={"identifier": code}, details=details)
    return answer


def look_up_current(siret: str, context: Context) -> Establishment | RequiresLookup:
    """Return the establishment that a structure with this SIRET is today, or what must be asked first (rule R10).

    That is the one with this SIRET while it is open, else its one clear successor. Raises Rejected, with what INSEE
    says, when there is none.
    """
    question = InseeLookUp(siret=siret, successor=True, actor=context.actor.id)
    answer = _answer(question, context)
    if isinstance(answer, RequiresLookup):
        return answer
    if answer.result == Result.NOT_FOUND:
        raise Rejected("siret_not_found")
    succession = answer.succession
    if succession is None:
        # Whoever answered that it is closed, and nothing else, has not been asked which one carries on.
        is_open = answer.result in {Result.ACTIVE, Result.RESTRICTED}
        return answer if is_open else _look_up(question, QUEUED, LOOK_UP_AGAIN)
    if succession.establishment is not None:
        return succession.establishment
    details = answer.model_dump(mode="json", include={"closed_on", "opens_on", "head_office"})
    if succession.result != SuccessionResult.NONE:
        details = {"successors": list(succession.successors) or None}
    raise Rejected(_NO_CLEAR_SUCCESSOR[succession.result], details=details)


def _answer(question: InseeLookUp, context: Context) -> InseeAnswer | RequiresLookup:
    known = context.answers.get(f"insee:{question.key}")
    if known is None:
        return _look_up(question, QUEUED, LOOK_UP_AGAIN)
    answer = InseeAnswer.model_validate(known)
    if answer.result == Result.UNAVAILABLE:
        wait = QUEUED if answer.because == Because.QUOTA else UNREACHABLE
        return _look_up(question, wait, max((answer.retry_after or 0) * SECOND, MINUTE))
    return answer


def _look_up(question: InseeLookUp, wait: str, retry_after: int) -> RequiresLookup:
    data = question.model_dump(mode="json", exclude_none=True)
    return RequiresLookup(
        key=f"insee:{question.key}",
        look_up=LookUp("insee.requests", InseeLookUp.type, question.key, data),
        wait=wait,
        code="waiting_insee",
        timeout_code="insee_unavailable",
        retry_after=retry_after,
    )


def hidden(answer: Establishment) -> tuple[str, ...]:
    """Return which of name and address INSEE keeps back, lacks or writes unreadably: they are given by hand."""
    if answer.restriction == Restriction.UNIT:
        return ("name", "address")
    return tuple(field for field in ("name", "address") if field in answer.hidden or getattr(answer, field) is None)


def sphere(answer: InseeAnswer | None) -> tuple[Sphere, str | None]:
    """Return the sphere by INSEE's legal category, and that category; private for other identifiers.

    A unit that INSEE hides as a whole (defence, police) has no known category: it is taken as the State's, so that an
    administrator checks it.
    """
    if answer is None:
        return "private", None
    if answer.restriction == Restriction.UNIT:
        return "state", None
    return sphere_of(answer.legal_category), answer.legal_category
