"""Every reason that Apple documents, with the status it comes with.

Source: Apple, "Handling notification responses from APNs", table 3.
"""

import json
from collections.abc import Mapping

from clients.push_simulator import Answer

STATUSES: Mapping[str, int] = {
    "BadCollapseId": 400,
    "BadDeviceToken": 400,
    "BadExpirationDate": 400,
    "BadMessageId": 400,
    "BadPriority": 400,
    "BadTopic": 400,
    "DeviceTokenNotForTopic": 400,
    "DuplicateHeaders": 400,
    "IdleTimeout": 400,
    "InvalidPushType": 400,
    "MissingDeviceToken": 400,
    "MissingTopic": 400,
    "PayloadEmpty": 400,
    "TopicDisallowed": 400,
    "BadCertificate": 403,
    "BadCertificateEnvironment": 403,
    "BadEnvironmentKeyIdInToken": 403,
    "ExpiredProviderToken": 403,
    "Forbidden": 403,
    "InvalidProviderToken": 403,
    "MissingProviderToken": 403,
    "UnrelatedKeyIdInToken": 403,
    "BadPath": 404,
    "MethodNotAllowed": 405,
    "ExpiredToken": 410,
    "Unregistered": 410,
    "PayloadTooLarge": 413,
    "TooManyProviderTokenUpdates": 429,
    "TooManyRequests": 429,
    "InternalServerError": 500,
    "ServiceUnavailable": 503,
    "Shutdown": 503,
}


def refusal(reason: str, timestamp: int | None = None) -> Answer:
    """Return the answer with a reason, as APNs gives it.

    Args:
        timestamp: Of 410: when APNs last knew the token as dead, in milliseconds.
    """
    body: dict[str, object] = {"reason": reason}
    if timestamp is not None:
        body["timestamp"] = timestamp
    return Answer(STATUSES[reason], json.dumps(body).encode())
