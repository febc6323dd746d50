"""The otherNames of a card, and bytes that are none."""

import contextlib

import pytest
from cryptography import x509
from hypothesis import example, given
from hypothesis import strategies as st

from pairing_server.errors import Refusal
from pairing_server.uzi.card_name import (
    ACCOUNT_NAME,
    AccountName,
    CardName,
    der_string,
    read_account_name,
    read_card_name,
)
from pairing_server.uzi.refusals import (
    DoubledAccountName,
    DoubledCardName,
    MalformedAccountName,
    MalformedCardName,
    MalformedUziNumber,
    MissingCardName,
    WrongCardNameType,
)

CARD_NAME = x509.ObjectIdentifier("2.5.5.5")
#: What the drafts of G4 allow in its place.
G4_NAME = x509.ObjectIdentifier("1.3.6.1.4.1.1466.115.121.1.26")
PERMANENT_IDENTIFIER = x509.ObjectIdentifier("1.3.6.1.5.5.7.8.3")

TEXT = b"2.16.528.1.1007.99.217-1-900016528-Z-90000382-01.000-00000000"

OTHER = x509.OtherName(PERMANENT_IDENTIFIER, b"\x30\x00")


def name(value, kind=CARD_NAME):
    return x509.OtherName(kind, value)


def read(names, kind=CARD_NAME):
    return read_card_name(names, kind)


def string(text, tag=0x16):
    return bytes((tag, len(text))) + text


@pytest.mark.parametrize(
    "before", [[], [OTHER], [OTHER, name(string(b"a@b", 0x0C), ACCOUNT_NAME)]]
)
@pytest.mark.parametrize("after", [[], [OTHER]])
def test_the_card_name_is_found_wherever_it_stands(before, after):
    expected = CardName(
        oid_ca="2.16.528.1.1007.99.217",
        uzi_number="900016528",
        card_type="Z",
        ura="90000382",
        role_code="01.000",
        agb_code="00000000",
    )

    assert expected == read([*before, name(string(TEXT)), *after])


def test_a_certificate_without_a_card_name_is_refused():
    with pytest.raises(MissingCardName):
        read([OTHER])


def test_two_card_names_are_refused_even_if_they_are_the_same():
    with pytest.raises(DoubledCardName):
        read([name(string(TEXT)), name(string(TEXT))])


@pytest.mark.parametrize(
    ("field", "other"),
    [
        (b"2.16.528.1.1007.99.217-", b""),
        (b"2.16.528.1.1007.99.217-", b"2..16-"),
        (b"2.16.528.1.1007.99.217-", b"02.16-"),
        (b"2.16.528.1.1007.99.217-", b"2.016-"),
        (b"2.16.528.1.1007.99.217-", b"3.16-"),
        (b"-1-", b"-2-"),
        (b"-1-", b"-11-"),
        (b"-Z-", b"-z-"),
        (b"-Z-", b"-ZZ-"),
        (b"-Z-", b"--"),
        (b"-90000382-", b"-9000038-"),
        (b"-90000382-", b"-900003820-"),
        (b"-01.000-", b"-01000-"),
        (b"-01.000-", b"-1.000-"),
        (b"-01.000-", b"-01.00-"),
        (b"-01.000-", b"-01x000-"),
        (b"-00000000", b"-0000000"),
        (b"-00000000", b"-000000000"),
        (b"-00000000", b"-00000000-"),
        (b"-00000000", b"-00000000\n"),
        (b"-00000000", b"-00000000\0"),
        (b"2.16", b" 2.16"),
    ],
)
def test_another_layout_is_refused(field, other):
    with pytest.raises(MalformedCardName):
        read([name(string(TEXT.replace(field, other, 1)))])


@pytest.mark.parametrize("number", [b"90001652", b"9000165280", b"90001652A", b"", b" 00016528"])
def test_a_uzi_number_that_is_not_nine_digits_is_refused(number):
    with pytest.raises(MalformedUziNumber):
        read([name(string(TEXT.replace(b"900016528", number)))])


def test_what_stands_in_another_other_name_is_not_read():
    others = [name(string(TEXT), G4_NAME), name(string(TEXT), PERMANENT_IDENTIFIER)]

    with pytest.raises(MissingCardName):
        read(others)


def test_what_stands_in_another_other_name_does_not_double_it():
    other = string(TEXT.replace(b"900016528", b"900016529"))
    others = [name(other, G4_NAME), name(string(TEXT)), name(other, PERMANENT_IDENTIFIER)]

    assert read(others).uzi_number == "900016528"
    assert read(others, G4_NAME).uzi_number == "900016529"


def test_digits_of_another_script_are_refused():
    text = TEXT.replace(
        b"900016528", "\u0669\u0660\u0660\u0660\u0661\u0666\u0665\u0662\u0668".encode()
    )

    with pytest.raises(WrongCardNameType):
        read([name(string(text))])


@pytest.mark.parametrize(
    "encoded",
    [
        pytest.param(string(TEXT, 0x0C), id="UTF8String"),
        pytest.param(string(TEXT, 0x13), id="PrintableString"),
        pytest.param(string(TEXT, 0x36), id="constructed"),
        pytest.param(string(TEXT) + b"\0", id="bytes that follow"),
        pytest.param(string(TEXT)[:-1], id="bytes that are missing"),
        pytest.param(bytes((0x16, 0x81, len(TEXT))) + TEXT, id="long length"),
        pytest.param(bytes((0x16, 0x82, 0, len(TEXT))) + TEXT, id="longer length"),
        pytest.param(b"\x16\x80" + TEXT + b"\0\0", id="indefinite length"),
        pytest.param(b"\x30" + bytes((len(TEXT) + 2,)) + string(TEXT), id="wrapped"),
        pytest.param(TEXT, id="not encoded"),
        pytest.param(b"", id="empty"),
        pytest.param(b"\x16", id="a tag"),
        pytest.param(b"\x16\x81", id="half a length"),
    ],
)
def test_another_encoding_is_refused(encoded):
    with pytest.raises(WrongCardNameType):
        read([name(encoded)])


@pytest.mark.parametrize(
    "encoded",
    [
        b"\x16\x80" + bytes(0x80),
        b"\x16\x82" + bytes(0x82),
        b"\x16\x02a",
        b"\x16\x00a",
        b"\x16\x81",
    ],
)
def test_a_length_is_neither_taken_from_elsewhere_nor_wrong(encoded):
    with pytest.raises(ValueError, match="length"):
        der_string(encoded, 0x16)


def test_the_account_name_is_read():
    names = [name(string(TEXT)), name(string(b"900016528@90000382", 0x0C), ACCOUNT_NAME)]

    assert read_account_name(names) == AccountName("900016528", "90000382")


def test_a_certificate_may_have_no_account_name():
    assert read_account_name([OTHER]) is None


def test_two_account_names_are_refused():
    twice = [name(string(b"900016528@90000382", 0x0C), ACCOUNT_NAME)] * 2

    with pytest.raises(DoubledAccountName):
        read_account_name(twice)


@pytest.mark.parametrize(
    "text",
    [b"", b"@", b"900016528", b"90001652@90000382", b"900016528@9000038", b"900016528@90000382 "],
)
def test_an_account_name_in_another_layout_is_refused(text):
    with pytest.raises(MalformedAccountName):
        read_account_name([name(string(text, 0x0C), ACCOUNT_NAME)])


@pytest.mark.parametrize(
    "encoded", [string(b"900016528@90000382", 0x16), string(b"\xff", 0x0C), b""]
)
def test_an_account_name_in_another_encoding_is_refused(encoded):
    with pytest.raises(MalformedAccountName):
        read_account_name([name(encoded, ACCOUNT_NAME)])


@given(st.binary(max_size=255))
@example(b"")
@example(bytes(0x7F))
@example(bytes(0x80))
@example(bytes(0xFF))
def test_a_string_of_up_to_255_bytes_reads_back(text):
    length = bytes((len(text),)) if len(text) < 0x80 else bytes((0x81, len(text)))

    assert text == der_string(b"\x16" + length + text, 0x16)


@given(st.binary(max_size=80))
def test_arbitrary_bytes_are_read_or_refused(value):
    with contextlib.suppress(Refusal):
        read([name(value)])
    with contextlib.suppress(Refusal):
        read_account_name([name(value, ACCOUNT_NAME)])


@given(
    st.from_regex(rb"[0-9.]{1,30}-1-[0-9]{9}-[A-Z]-[0-9]{8}-[0-9.]{6}-[0-9]{8}", fullmatch=True)
)
def test_what_is_read_spells_the_text_again(text):
    with contextlib.suppress(MalformedCardName):
        found = read([name(string(text))])

        fields = (found.oid_ca, "1", found.uzi_number, found.card_type, found.ura)
        assert text.decode() == "-".join((*fields, found.role_code, found.agb_code))


@given(st.integers(0, len(TEXT) + 1), st.integers(1, 255))
def test_a_changed_byte_never_reads_as_the_same_card(place, change):
    encoded = bytearray(string(TEXT))
    encoded[place] ^= change

    with contextlib.suppress(Refusal):
        assert read([name(string(TEXT))]) != read([name(bytes(encoded))])


@pytest.mark.parametrize(
    ("read_name", "encoded"),
    [(read, string(b"\xffJansen")), (read_account_name, string(b"\xffJansen", 0x0C))],
)
def test_a_name_that_cannot_be_decoded_is_not_quoted(read_name, encoded):
    kind = CARD_NAME if read_name is read else ACCOUNT_NAME

    with pytest.raises(Refusal) as refusal:
        read_name([name(encoded, kind)])

    assert refusal.value.args == ("encoding",)
