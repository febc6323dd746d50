"""The documented reasons are answered as APNs answers them."""

import json

from clients.push_simulator import Answer
from clients.push_simulator.apns_reasons import STATUSES, refusal


def test_a_refusal_has_the_status_of_its_reason():
    assert refusal("Unregistered", timestamp=1) == Answer(
        410, json.dumps({"reason": "Unregistered", "timestamp": 1}).encode()
    )


def test_every_reason_has_a_status_that_apple_uses():
    assert set(STATUSES.values()) == {400, 403, 404, 405, 410, 413, 429, 500, 503}
