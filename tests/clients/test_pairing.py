"""The phone reads pairing links and nothing that looks like one."""

import pytest

from clients.pairing import PairingLink


@pytest.mark.parametrize(
    "link",
    [
        "",
        "https://zorg.example/app/#l." + "a" * 22 + "." + "b" * 43,
        "https://zorg.example/app/#p." + "a" * 21 + "." + "b" * 43,
        "https://zorg.example/app/#p." + "a" * 22 + "." + "b" * 43 + "x",
        "http://zorg.example/app/#p." + "a" * 22 + "." + "b" * 43,
        "https://me@zorg.example/app/#p." + "a" * 22 + "." + "b" * 43,
        "https://zorg.example/app/?x#p." + "a" * 22 + "." + "b" * 43,
        "javascript:https://zorg.example/app/#p." + "a" * 22 + "." + "b" * 43,
    ],
)
def test_a_strange_link_is_no_pairing(link):
    with pytest.raises(ValueError, match=r"not a pairing link|only https|canonical"):
        PairingLink.parse(link)


def test_a_link_below_a_path_keeps_it():
    link = "https://zorg.example/keys/app/#p." + "a" * 22 + "." + "b" * 43
    assert PairingLink.parse(link).base == "https://zorg.example/keys"
