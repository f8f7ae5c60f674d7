"""Every metric of the processes, named once, with what it means. They are served at `/metrics`."""

from prometheus_client import Counter, Gauge, Histogram

_FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

PROBLEMS = Gauge("structures_problems", "How much /ready finds wrong with this process now", ["process"])

REQUESTS = Counter("structures_requests_total", "Requests decided, by type and status", ["type", "status"])
REPEATED = Counter("structures_requests_repeated_total", "Requests received again and answered as before")
DEAD_LETTERS = Counter("structures_dead_letters_total", "Messages dead-lettered, by reason", ["topic", "code"])
DEAD_LETTERS_HELD = Gauge(
    "structures_dead_letters_held",
    "1 while consumers wait, since too many messages would be dead-lettered by our own fault",
)
DECISION_SECONDS = Histogram(
    "structures_decision_seconds",
    "From the broker's append of a request to the publication of its decision",
    buckets=_FAST,
)
APPLIED_LATE_SECONDS = Histogram(
    "structures_applied_late_seconds",
    "From a change's effective_at to the publication of its application",
    buckets=_FAST,
)
BATCH_SECONDS = Histogram("structures_batch_seconds", "Time to handle one batch", ["consumer"], buckets=_FAST)
BATCH_RECORDS = Histogram(
    "structures_batch_records", "Records in a batch", ["consumer"], buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500)
)
BATCH_RETRIES = Counter("structures_batch_retries_total", "Batches tried again after a transient error", ["consumer"])
STANDS_STILL = Gauge(
    "structures_consumer_stands_still", "1 while a batch of this consumer fails again and again", ["consumer"]
)
CONFLICTS = Counter("structures_conflicts_total", "Documents decided again because another process wrote them first")
TOO_LARGE = Counter("structures_messages_too_large_total", "Messages too large to be sent, dead-lettered", ["topic"])
UNUSABLE = Counter(
    "structures_unusable_documents_total",
    "Stored documents and copies that could not be read, shown or written, each time",
    ["why"],
)
BEHIND = Gauge(
    "structures_consumer_behind_seconds",
    "Age of the oldest record that this consumer has in hand; 0 when it has none",
    ["consumer"],
)
WAITING = Gauge(
    "structures_waiting_requests", "Requests that wait for INSEE or for a copy (measured by the sweeper)", ["owner"]
)
OVERDUE = Gauge(
    "structures_overdue_changes",
    "Documents with changes past their time and not applied yet (measured by the sweeper)",
    ["owner"],
)
SWEPT = Counter("structures_swept_total", "What the sweeper finished after a process that died", ["what"])
OUTCOMES_UNSENT = Counter(
    "structures_outcomes_unsent_total",
    "Outcomes that could not be published for the client that asked, by reason",
    ["why"],
)
HTTP_REFUSED = Counter(
    "structures_http_refused_total", "HTTP connections and requests refused by a limit, by code", ["code"]
)
