"""The harnesses that the contract is put to, one for each service that has a sender."""

from tests.push.apns_harness import ApnsHarness
from tests.push.contract import Harness
from tests.push.fcm_harness import FcmHarness
from tests.push.webpush_harness import WebPushHarness

HARNESSES: dict[str, type[Harness]] = {
    "apns": ApnsHarness,
    "fcm": FcmHarness,
    "webpush": WebPushHarness,
}
