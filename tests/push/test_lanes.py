"""There is one lane for each service and host, and no more than can be looked after."""

import json
from datetime import UTC, datetime

from pairing_server.push import PushAddress, PushService
from pairing_server.push.lanes import MANY, Lanes

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


def at_host(number):
    endpoint = f"https://push{number}.example.nl/x"
    return PushAddress(PushService.WEBPUSH, json.dumps({"endpoint": endpoint}))


def test_phones_of_one_service_share_a_lane_and_others_do_not():
    lanes = Lanes()
    apns = [lanes.of(PushAddress(PushService.APNS, token), NOW) for token in "ab"]
    assert apns[0] is apns[1]
    assert lanes.of(PushAddress(PushService.FCM, "a"), NOW) is not apns[0]
    assert lanes.of(at_host(1), NOW) is not lanes.of(at_host(2), NOW)


def test_of_many_hosts_those_are_forgotten_in_which_nothing_happens():
    lanes = Lanes()
    busy = lanes.of(at_host(0), NOW)
    busy.in_flight = 1
    idle = lanes.of(at_host(1), NOW)
    for number in range(2, MANY + 2):
        lanes.of(at_host(number), NOW)
    assert lanes.of(at_host(0), NOW) is busy
    assert lanes.of(at_host(1), NOW) is not idle
