"""What was made in a frame is refused, however a browser says it."""

import json

import pytest

from pairing_server.keys.client_data import refuse_framed


def said(**members):
    return json.dumps({"type": "webauthn.get"} | members).encode()


def test_what_was_made_on_our_own_page_passes():
    refuse_framed(said())
    refuse_framed(said(crossOrigin=False))


@pytest.mark.parametrize("crossed", [True, "false", "true", None, 0, 1, [], {}])
def test_only_an_honest_false_is_not_framed(crossed):
    with pytest.raises(ValueError, match="crossOrigin"):
        refuse_framed(said(crossOrigin=crossed))


@pytest.mark.parametrize("top", ["https://evil.example", "", None, False])
def test_whoever_names_a_top_is_framed(top):
    with pytest.raises(ValueError, match="topOrigin"):
        refuse_framed(said(topOrigin=top))


@pytest.mark.parametrize("data", [b"[]", b"1", b"null", b'"text"'])
def test_client_data_are_an_object(data):
    with pytest.raises(TypeError, match="client data"):
        refuse_framed(data)


@pytest.mark.parametrize("data", [b"", b"{", b"\xff"])
def test_client_data_are_json(data):
    with pytest.raises(ValueError, match=r"."):
        refuse_framed(data)
