"""What the QR code of a new phone says, and what the old phone signs of it."""

import json
from pathlib import Path

import msgspec
import pytest

from clients.transfer import ClaimedTransfer, TransferLink, transfer_details

FILE = Path(__file__).parent.parent / "vectors" / "transfer_challenge.json"
VECTORS = json.loads(FILE.read_text())["vectors"]
ID, SECRET = "t" * 22, "s" * 43


def test_a_link_says_server_transfer_and_secret():
    link = TransferLink.parse(f"https://login.example.nl/app/#t.{ID}.{SECRET}")
    assert link == TransferLink("https://login.example.nl", ID, SECRET)


@pytest.mark.parametrize(
    "link",
    [
        f"https://login.example.nl/app/#p.{ID}.{SECRET}",
        f"https://login.example.nl/app/#t.{ID}.{SECRET[1:]}",
        f"https://login.example.nl/app/#t.{ID}.{SECRET}\n",
        f"http://login.example.nl/app/#t.{ID}.{SECRET}",
        f"https://login.example.nl@evil.example/app/#t.{ID}.{SECRET}",
        f"javascript:alert(1)//app/#t.{ID}.{SECRET}",
        "",
    ],
)
def test_another_link_is_none(link):
    with pytest.raises(ValueError, match=r"not a transfer link|only https|no canonical origin"):
        TransferLink.parse(link)


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["name"] for vector in VECTORS])
def test_the_details_of_a_transfer_are_those_of_the_vector(vector):
    claimed = msgspec.convert(vector["claimed"], ClaimedTransfer)
    made = transfer_details(
        claimed,
        vector["credential"],
        vector["new_credential"],
        revoke=vector["revoke"],
        code=vector["code"],
    )
    assert made == vector["details"]
