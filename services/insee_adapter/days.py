"""Days as INSEE means them: in the time of France, whatever the machine's time zone."""

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

_FRANCE = ZoneInfo("Europe/Paris")


def today(instant: int) -> date:
    """Return the day in France at an instant (ms)."""
    return datetime.fromtimestamp(instant // 1000, _FRANCE).date()


def begins(day: date) -> datetime:
    """Return the instant (ms) at which a day begins in France."""
    return datetime.combine(day, time(), _FRANCE).astimezone(UTC)


def french(day: date) -> str:
    """Write a day as a person reads it, such as 31/12/2026."""
    return f"{day:%d/%m/%Y}"
