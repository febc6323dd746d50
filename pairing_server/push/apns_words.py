"""What APNs means by a reason, in words for the operator, and what to do about it."""

from collections.abc import Mapping

_KEY = "PAIRING_APNS_KEY_FILE, PAIRING_APNS_KEY_ID and PAIRING_APNS_TEAM_ID"
_ENVIRONMENT = (
    "has the key for another environment: make one for that of PAIRING_APNS_ENVIRONMENT, or "
    "set the other environment"
)
_BUSY = "is not available for the moment"

#: Follows the service's name.  What comes of a mistake of this program has no sentence of its own.
APNS: Mapping[str, str] = {
    "BadDeviceToken": (
        "does not know the phone's token in this environment: PAIRING_APNS_ENVIRONMENT is "
        "production for apps from the store and TestFlight, sandbox for those from Xcode"
    ),
    "BadTopic": "takes PAIRING_APNS_TOPIC for no bundle id: it is the app's, as nl.example.app",
    "MissingTopic": "got no topic: set PAIRING_APNS_TOPIC to the app's bundle id",
    "TopicDisallowed": (
        "does not let this key send to PAIRING_APNS_TOPIC: is it the bundle id of an app of "
        "PAIRING_APNS_TEAM_ID?"
    ),
    "DeviceTokenNotForTopic": (
        "has the phone's token for another app than PAIRING_APNS_TOPIC: is it the bundle id?"
    ),
    "ExpiredProviderToken": (
        "finds the server's token more than an hour old: the server's clock is slow; have it "
        "kept right by NTP"
    ),
    "InvalidProviderToken": (
        f"does not believe the key: see that {_KEY} belong together and that the key was not "
        "revoked, and that the server's clock is not fast"
    ),
    "MissingProviderToken": "got no token: is something in between that takes it out?",
    "Forbidden": f"lets nobody in with this key: see {_KEY}",
    "UnrelatedKeyIdInToken": (
        "saw another key on the same connection: start the server anew after changing the key"
    ),
    "BadEnvironmentKeyIdInToken": _ENVIRONMENT,
    "BadEnvironmentKeyInToken": _ENVIRONMENT,
    "TooManyProviderTokenUpdates": (
        "has seen too many tokens of the team: let no other program make its own with this "
        "key, and wait for 20 minutes"
    ),
    "TooManyRequests": "was asked too often for one phone",
    "ExpiredToken": "knows the phone's token no more: the app has a new one",
    "Unregistered": "knows the phone's token no more: the app was removed, or has a new one",
    "InternalServerError": "has an error of its own",
    "ServiceUnavailable": _BUSY,
    "Shutdown": _BUSY,
    "malformed": "was not asked: what the phone registered is no device token",
}
