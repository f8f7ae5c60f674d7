"""What a rule takes from INSEE's answer about a SIRET (rules R9, R22)."""

from shared.clock import MINUTE, SECOND
from shared.contracts.messages.insee import Because, InseeAnswer, InseeLookUp, Restriction, Result
from shared.contracts.messages.structure import Sphere
from shared.engine.core.rules import Context, LookUp, RequiresLookup
from shared.errors import Rejected

QUEUED, UNREACHABLE = "insee_queue", "insee_unavailable"
"""Two kinds of wait: for our turn in the queue, and for an INSEE that does not answer."""

LOOK_UP_AGAIN = 5 * MINUTE


def look_up(siret: str, context: Context) -> InseeAnswer | RequiresLookup:
    """Return INSEE's answer about an establishment that may be registered, or the look-up that must come first.

    Raises Rejected when it may not: unknown, closed today, or a doublon. A closing announced for a later day is no
    reason to refuse.
    """
    key = f"insee:{siret}"
    known = context.answers.get(key)
    if known is None:
        return _look_up(siret, context, QUEUED, LOOK_UP_AGAIN)
    answer = InseeAnswer.model_validate(known)
    if answer.result == Result.UNAVAILABLE:
        wait = QUEUED if answer.because == Because.QUOTA else UNREACHABLE
        return _look_up(siret, context, wait, max((answer.retry_after or 0) * SECOND, MINUTE))
    if code := answer.refusal:
        details = answer.model_dump(mode="json", include={"closed_on", "opens_on", "moved_to"}, exclude_none=True)
        raise Rejected(code, fields={"identifier": code}, details=details)
    return answer


def _look_up(siret: str, context: Context, wait: str, retry_after: int) -> RequiresLookup:
    question = InseeLookUp(siret=siret, actor=context.actor.id)
    return RequiresLookup(
        key=f"insee:{siret}",
        look_up=LookUp("insee.requests", InseeLookUp.type, siret, question.model_dump(mode="json", exclude_none=True)),
        wait=wait,
        code="waiting_insee",
        timeout_code="insee_unavailable",
        retry_after=retry_after,
    )


def hidden(answer: InseeAnswer) -> tuple[str, ...]:
    """Return which of name and address are given by hand: INSEE hides them, has none, or writes them unreadably."""
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
    category = answer.legal_category or ""
    if category.startswith("71"):
        return "state", category
    if category.startswith(("7", "41")):
        return "public_non_state", category
    return "private", category or None
