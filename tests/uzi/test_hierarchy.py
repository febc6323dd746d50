"""The hierarchies that come with the package."""

import pytest

from pairing_server.uzi.hierarchy import load_hierarchy


@pytest.mark.parametrize(
    ("name", "card_type", "oid_ca", "common_name"),
    [
        ("production", "Z", "2.16.528.1.1003.1.3.5.5.2", "UZI-register Zorgverlener CA G3"),
        ("production", "N", "2.16.528.1.1003.1.3.5.5.3", "UZI-register Medewerker op naam CA G3"),
        ("test", "Z", "2.16.528.1.1007.99.217", "TEST UZI-register Zorgverlener CA G3"),
        ("test", "N", "2.16.528.1.1007.99.218", "TEST UZI-register Medewerker op naam CA G3"),
    ],
)
def test_an_authority_is_found_by_its_name(name, card_type, oid_ca, common_name):
    authority = load_hierarchy(name).authority(common_name)

    assert (card_type, oid_ca) == (authority.card_type, authority.oid_ca)


def test_the_hierarchies_do_not_know_each_others_authorities():
    production = load_hierarchy("production")

    assert production.authority("TEST UZI-register Zorgverlener CA G3") is None


@pytest.mark.parametrize("name", ["production", "test"])
def test_only_cards_that_name_a_person_are_accepted(name):
    assert {"Z", "N"} == load_hierarchy(name).accepted_card_types


def test_the_authenticity_policies_are_those_of_the_cps():
    assert {"2.16.528.1.1003.1.2.5.1"} == load_hierarchy("production").authenticity_policies
    assert {"2.16.528.1.1007.99.211"} == load_hierarchy("test").authenticity_policies


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("root_ca", "TEST Zorg CSP Root CA G3"),
        ("level_2_persoon_ca", "TEST Zorg CSP Level 2 Persoon CA G3"),
        ("zorgverlener_ca", "TEST UZI-register Zorgverlener CA G3"),
    ],
)
def test_a_published_anchor_is_known_by_its_fingerprint(real, hierarchy, file, name):
    assert name == hierarchy.anchor_name(real[file])


def test_an_anchor_of_the_operators_own_has_no_name(ca, hierarchy):
    assert hierarchy.anchor_name(ca.root.certificate) is None


def test_fingerprints_are_sha_256_in_lower_case_hex():
    anchors = [*load_hierarchy("production").known_anchors, *load_hierarchy("test").known_anchors]

    assert [bytes.fromhex(anchor).hex() for anchor in anchors] == anchors
    assert {64} == set(map(len, anchors))


def test_there_is_no_third_hierarchy():
    with pytest.raises(FileNotFoundError):
        load_hierarchy("acceptance")
