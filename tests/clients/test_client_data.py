"""Client data, byte for byte as browsers write it."""

import base64
import json

from hypothesis import given
from hypothesis import strategies as st

from clients.client_data import Twist, client_data_json, twisted_client_data


def test_client_data_stands_as_browsers_write_it():
    made = client_data_json("webauthn.get", b"\x00\xff", 'https://a"\\\n\x7f', cross_origin=False)
    assert made.decode() == (
        '{"type":"webauthn.get","challenge":"AP8",'
        '"origin":"https://a\\"\\\\\\u000a\x7f","crossOrigin":false}'
    )


@given(st.text(st.characters(exclude_categories=["Cs"])), st.binary())
def test_client_data_is_json_of_what_went_in(origin, challenge):
    said = json.loads(client_data_json("t", challenge, origin, cross_origin=True))
    assert said["origin"] == origin
    assert base64.urlsafe_b64decode(said["challenge"] + "==") == challenge


def test_a_twist_can_say_who_frames():
    made = twisted_client_data("t", b"", "https://a", Twist(top_origin='https://"'))
    assert json.loads(made) == {
        "type": "t",
        "challenge": "",
        "origin": "https://a",
        "crossOrigin": False,
        "topOrigin": 'https://"',
    }
