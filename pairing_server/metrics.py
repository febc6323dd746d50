"""What the server counts, for Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

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
    "Wake-ups of a phone, by service, outcome and code: what the service said, if known.",
    ["service", "outcome", "code"],
    registry=METRICS,
)
PUSHES_WITHHELD = Counter(
    "pairing_pushes_withheld_total",
    "Requests that woke nobody, by why: waits, burst, not_me, unknown_workstation.",
    ["reason"],
    registry=METRICS,
)
WAKEUPS_UNDER_WAY = Gauge(
    "pairing_wakeups_under_way",
    "Wake-ups that a push service has not answered yet.",
    ["service"],
    registry=METRICS,
)
WAKEUP_SECONDS = Histogram(
    "pairing_wakeup_seconds",
    "Time until a push service took a wake-up, refused it or was given up.",
    ["service"],
    registry=METRICS,
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
PUSH_CIRCUITS_OPEN = Gauge(
    "pairing_push_circuits_open",
    "Push services, or hosts of Web Push, that are left alone because they do not answer.",
    ["service"],
    registry=METRICS,
)
PINGS = Counter(
    "pairing_pings_total",
    "Notifications to clients in ping mode, by what became of them.",
    ["outcome"],
    registry=METRICS,
)
CRL_AGE = Gauge(
    "pairing_uzi_crl_age_seconds",
    "Age of the freshest revocation list of an authority.",
    ["authority"],
    registry=METRICS,
)
CRL_FETCHES = Counter(
    "pairing_uzi_crl_fetches_total",
    "Revocation lists fetched, by outcome; all but new and unchanged are failures.",
    ["outcome"],
    registry=METRICS,
)
OCSP_SECONDS = Histogram(
    "pairing_uzi_ocsp_seconds",
    "Time to ask an OCSP responder, by outcome: good, revoked, unknown, or what disrupted it.",
    ["outcome"],
    registry=METRICS,
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 3),
)
CARD_STATUS = Counter(
    "pairing_uzi_card_status_total",
    "Cards checked for revocation, by what decided (ocsp, crl, none) and outcome.",
    ["source", "outcome"],
    registry=METRICS,
)
