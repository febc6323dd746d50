"""Of a format without roots no chain is believed."""

import pytest

from pairing_server.keys.attestation.roots import CHAINED, AttestationRoots, no_roots
from tests.keys.makers import Authority


@pytest.mark.parametrize("name", CHAINED)
def test_nobody_is_believed_by_default(name):
    assert list(no_roots().of(name)) == []
    assert no_roots().called_back == frozenset()


def test_a_root_is_believed_for_its_format_alone():
    root = Authority.root().certificate
    roots = AttestationRoots({"tpm": [root]})
    assert list(roots.of("tpm")) == [root]
    assert list(roots.of("packed")) == []
