"""Applies the due changes of one document. Pure."""

from collections.abc import Mapping
from typing import Any

from shared.clock import MINUTE, SECOND
from shared.engine.core.decide import ended
from shared.engine.core.document import HEAVIEST_WRITE, Draft, UnknownType, diff
from shared.errors import Failed, MayLag
from shared.runtime.logging import get_logger

log = get_logger(__name__)

_BACK_OFF = (30 * SECOND, MINUTE, 5 * MINUTE, 15 * MINUTE)
LONGEST_BACK_OFF = _BACK_OFF[-1]


def back_off(late: int) -> int:
    """Return after how long (ms) a change that is this late is triggered once more: longer each time."""
    return next((pause for pause in _BACK_OFF if pause > late), LONGEST_BACK_OFF)


def looks_at(draft: Draft, *, until: int) -> set[str]:
    """Return the keys of the copies at which the rules of what is due look; hardly any change needs one."""
    due = [rule for p in draft.pending if p.due_at <= until and (rule := draft.rule(p.transition.type))]
    if draft.state is None or not any(rule.due for rule in due):
        return set()
    try:
        return set(draft.owner.due_copies(draft.state))
    except Exception:
        # Without copies its changes stay pending, and those of other documents are not kept waiting.
        log.exception("a rule failed on a pending change", document=draft.document.id)
        return set()


def apply(draft: Draft, *, until: int, now: int, copies: Mapping[str, Mapping[str, Any]] | None = None) -> bool:
    """Apply, in order of acceptance, every pending change whose time `until` has reached; return whether any was.

    `until` is the earlier of our own clock and the trigger's append time, so that a single fast clock can't apply a
    change early. A change that can no longer be applied ends as failed and leaves the state as it was (rule R7). One of
    a type that only a newer version knows stays, and so does one whose rule looks at a copy that may only be late; so
    do those behind it, since the order is kept (rule R6), and the sweeper triggers them again. What would make a write
    too large is left to the next one.
    """
    applied = False
    for pending in list(draft.pending):
        if pending.due_at > until or draft.weight > HEAVIEST_WRITE:
            break  # They are sorted by acceptance, and become due in that order (rule R6).
        try:
            state = draft.applied(pending, draft.state, copies or {})
        except UnknownType:
            break
        except MayLag as late:
            log.warning("a due change waits for a copy", document=draft.document.id, copy=late.copy)
            break
        except Failed as no:
            draft.drop(pending)
            applied = True
            draft.add(ended(pending.transition, "failed", no.code, now, details=no.details))
            continue
        draft.drop(pending)
        applied = True
        before, after = diff(draft.state, state, draft.owner.private)
        draft.put(state)
        draft.add(
            ended(
                pending.transition,
                "applied",
                "applied",
                now,
                before=before,
                after=after,
            )
        )
    return applied
