"""Applies the due changes of one document. Pure."""

from shared.clock import MINUTE, SECOND
from shared.engine.core.decide import ended
from shared.engine.core.document import HEAVIEST_WRITE, Draft, UnknownType, diff
from shared.errors import Failed

_BACK_OFF = (30 * SECOND, MINUTE, 5 * MINUTE, 15 * MINUTE)
LONGEST_BACK_OFF = _BACK_OFF[-1]


def back_off(late: int) -> int:
    """Return after how long (ms) a change that is this late is triggered once more: longer each time."""
    return next((pause for pause in _BACK_OFF if pause > late), LONGEST_BACK_OFF)


def apply(draft: Draft, *, until: int, now: int) -> bool:
    """Apply, in order of acceptance, every pending change whose time `until` has reached; return whether any was.

    `until` is the earlier of our own clock and the trigger's append time, so that a single fast clock can't apply a
    change early. A change that can no longer be applied ends as failed and leaves the state as it was (rule R7). One of
    a type that only a newer version knows stays, and so do those behind it: the order is kept (rule R6). What would
    make a write too large is left to the next one.
    """
    applied = False
    for pending in list(draft.pending):
        if pending.due_at > until or draft.weight > HEAVIEST_WRITE:
            break  # They are sorted by acceptance, and become due in that order (rule R6).
        try:
            state = draft.applied(pending, draft.state)
        except UnknownType:
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
