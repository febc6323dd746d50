"""What a metric can be labelled with, and which failures are the service's own."""

from hypothesis import given
from hypothesis import strategies as st

from pairing_server.push.codes import OTHER, is_outage, label_of
from pairing_server.push.failure import Failure

ANSWERS = ("Unregistered", "UNREGISTERED", "410", "QUOTA_EXCEEDED", "ServiceUnavailable")


def test_what_services_document_and_what_is_ours_is_a_label():
    assert [label_of(code) for code in (*ANSWERS, *Failure, "")] == [*ANSWERS, *Failure, ""]


@given(st.text(min_size=1))
def test_nobody_can_make_labels(code):
    assert label_of(f"x {code}") == OTHER


def test_what_does_not_arrive_is_an_outage_and_our_own_limit_is_none():
    outages = [failure for failure in Failure if is_outage(failure, retriable=False)]
    assert set(Failure) - set(outages) <= {Failure.BUSY, "forbidden"}
    assert not is_outage(Failure.BUSY, retriable=True)


def test_a_service_that_has_had_enough_is_there():
    assert not is_outage("429", retriable=True)
    assert not is_outage("TooManyRequests", retriable=True)


def test_a_service_that_says_that_it_cannot_now_is_out_and_one_that_says_no_is_not():
    assert is_outage("503", retriable=True)
    assert not is_outage("BadTopic", retriable=False)
