"""What the server counts, for Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Histogram

#: Our own registry of metrics, so that a test or a second app in the process starts from nothing.
METRICS = CollectorRegistry()

REQUEST_SECONDS = Histogram(
    "pairing_http_request_seconds",
    "Time to answer a request, long polls included.",
    ["method", "route", "status"],
    registry=METRICS,
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 30),
)
EVENTS = Counter(
    "pairing_events_total",
    "Audit events committed, by action and outcome.",
    ["action", "outcome"],
    registry=METRICS,
)
WAKEUPS = Counter(
    "pairing_wakeups_total",
    "Wake-ups handed to a push service, by service and outcome.",
    ["service", "outcome"],
    registry=METRICS,
)
