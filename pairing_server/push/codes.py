"""Which codes a metric may have as a label: those that the services document, and ours.

A service's words are a stranger's: without a list, whoever answers could make a time series of
each of them.
"""

from pairing_server.push.failure import Failure

#: What stands for every other code.
OTHER = "other"

#: Apple, "Handling notification responses from APNs", table 2.
_APNS = frozenset(
    {
        "BadCertificate",
        "BadCertificateEnvironment",
        "BadCollapseId",
        "BadDeviceToken",
        "BadEnvironmentKeyIdInToken",
        "BadEnvironmentKeyInToken",
        "BadExpirationDate",
        "BadMessageId",
        "BadPath",
        "BadPriority",
        "BadTopic",
        "DeviceTokenNotForTopic",
        "DuplicateHeaders",
        "ExpiredProviderToken",
        "ExpiredToken",
        "Forbidden",
        "IdleTimeout",
        "InternalServerError",
        "InvalidProviderToken",
        "InvalidPushType",
        "MethodNotAllowed",
        "MissingDeviceToken",
        "MissingProviderToken",
        "MissingTopic",
        "PayloadEmpty",
        "PayloadTooLarge",
        "ServiceUnavailable",
        "Shutdown",
        "TooManyProviderTokenUpdates",
        "TooManyRequests",
        "TopicDisallowed",
        "Unregistered",
        "UnrelatedKeyIdInToken",
    }
)
#: Firebase, "FCM error codes" of the HTTP v1 API, and the status of google.rpc that goes with it.
_FCM = frozenset(
    {
        "APNS_AUTH_ERROR",
        "INTERNAL",
        "INVALID_ARGUMENT",
        "NOT_FOUND",
        "PERMISSION_DENIED",
        "QUOTA_EXCEEDED",
        "RESOURCE_EXHAUSTED",
        "SENDER_ID_MISMATCH",
        "THIRD_PARTY_AUTH_ERROR",
        "UNAUTHENTICATED",
        "UNAVAILABLE",
        "UNREGISTERED",
        "UNSPECIFIED_ERROR",
    }
)
#: RFC 8030, RFC 8291, RFC 8292 and RFC 9110: what a Web Push service, or one on the way, says.
_HTTP = frozenset(
    str(status) for status in (400, 401, 403, 404, 405, 408, 410, 413, 429, 500, 502, 503, 504)
)
_KNOWN = _APNS | _FCM | _HTTP | frozenset(Failure)
#: The service is there and has had enough: of one token, or of ours all together.
TOO_MANY = frozenset({"429", "TooManyRequests", "QUOTA_EXCEEDED", "RESOURCE_EXHAUSTED"})
#: What says nothing of the service: our own limits.
_OWN = frozenset({Failure.BUSY, "forbidden"})


def label_of(code: str) -> str:
    """Return the code as a label of a metric."""
    return code if not code or code in _KNOWN else OTHER


def is_outage(code: str, *, retriable: bool) -> bool:
    """Whether a failure is one of the service, or of the way to it, as a whole."""
    if code in TOO_MANY or code in _OWN:
        return False
    return retriable or code in frozenset(Failure)
