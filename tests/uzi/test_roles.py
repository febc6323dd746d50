"""The words for role codes."""

import pytest

from pairing_server.uzi.roles import role_codes


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("01.015", "arts, huisarts"),
        ("01.000", "arts"),
        ("30.076", "verpleegkundige, VS algemene gezondheidszorg"),
        ("92.000", "mondhygiënist"),
        ("01.999", "arts (01.999)"),
        ("02.015", "tandarts (02.015)"),
        ("77.000", "77.000"),
        ("00.000", "00.000"),
    ],
)
def test_a_code_is_shown_in_words_or_as_its_number(code, words):
    assert words == role_codes().name(code)
