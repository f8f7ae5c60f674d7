"""Metrics of the API."""

from prometheus_client import Counter, Gauge, Histogram

HTTP_SECONDS = Histogram(
    "structures_http_seconds",
    "Time to answer an HTTP request",
    ["method", "route", "status"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
STREAMS = Gauge("structures_http_streams", "Open streams of events")
UNSHOWN = Counter("structures_http_unshown_total", "Documents left out of a list since they can't be shown")
UNDECIDED = Counter("structures_http_undecided_total", "Writes whose caller waited without any outcome")
