"""Times that may be absent."""

from pairing_server.registry.moments import milliseconds, moment
from tests.registry.people import NOW


def test_a_time_is_kept_to_the_millisecond():
    assert moment(milliseconds(NOW)) == NOW


def test_an_absent_time_stays_absent():
    assert (moment(None), milliseconds(None)) == (None, None)
