"""Rules of what is written of an identity document: never its number, never a BSN."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from admin.person_fields import FieldError, read_date
from pairing_server.languages import N_
from pairing_server.registry.identity_checks import DocumentKind

#: How many days ago a document may have been looked at.
CHECKED_WITHIN = timedelta(days=7)

#: ISO 3166-1 alpha-3, and what passports have for people without a state (ICAO 9303 part 3).
COUNTRIES = frozenset(
    re.findall(
        "[A-Z]{3}",
        """
    ABW AFG AGO AIA ALA ALB AND ARE ARG ARM ASM ATA ATF ATG AUS AUT AZE BDI BEL BEN BES BFA BGD
    BGR BHR BHS BIH BLM BLR BLZ BMU BOL BRA BRB BRN BTN BVT BWA CAF CAN CCK CHE CHL CHN CIV CMR
    COD COG COK COL COM CPV CRI CUB CUW CXR CYM CYP CZE DEU DJI DMA DNK DOM DZA ECU EGY ERI ESH
    ESP EST ETH FIN FJI FLK FRA FRO FSM GAB GBR GEO GGY GHA GIB GIN GLP GMB GNB GNQ GRC GRD GRL
    GTM GUF GUM GUY HKG HMD HND HRV HTI HUN IDN IMN IND IOT IRL IRN IRQ ISL ISR ITA JAM JEY JOR
    JPN KAZ KEN KGZ KHM KIR KNA KOR KWT LAO LBN LBR LBY LCA LIE LKA LSO LTU LUX LVA MAC MAF MAR
    MCO MDA MDG MDV MEX MHL MKD MLI MLT MMR MNE MNG MNP MOZ MRT MSR MTQ MUS MWI MYS MYT NAM NCL
    NER NFK NGA NIC NIU NLD NOR NPL NRU NZL OMN PAK PAN PCN PER PHL PLW PNG POL PRI PRK PRT PRY
    PSE PYF QAT REU ROU RUS RWA SAU SDN SEN SGP SGS SHN SJM SLB SLE SLV SMR SOM SPM SRB SSD STP
    SUR SVK SVN SWE SWZ SXM SYC SYR TCA TCD TGO THA TJK TKL TKM TLS TON TTO TUN TUR TUV TWN TZA
    UGA UKR UMI URY USA UZB VAT VCT VEN VGB VIR VNM VUT WLF WSM YEM ZAF ZMB ZWE XXA XXB XXC XXX
    """,
    )
)

_ENDING = re.compile(r"[A-Z0-9]{4}", re.ASCII)
_NINE_DIGITS = re.compile(r"(?<![0-9])(?:[0-9][ .-]?){8}[0-9](?![0-9])", re.ASCII)
_WEIGHTS = (9, 8, 7, 6, 5, 4, 3, 2, -1)
_ELEVEN = 11


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What is written of an identity document that was looked at."""

    kind: DocumentKind
    ending: str
    country: str
    checked_on: date


def holds_bsn(text: str) -> bool:
    """Tell whether nine digits in a text can be a BSN (the "elfproef", last weight -1)."""
    numbers = (re.sub(r"[ .-]", "", found) for found in _NINE_DIGITS.findall(text))
    return any(
        sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, number, strict=True)) % _ELEVEN
        == 0
        and int(number) > 0
        for number in numbers
    )


def check_no_bsn(**fields: str) -> None:
    """Make sure that nobody wrote a BSN into any of the fields.

    Raises:
        FieldError: one can be one.
    """
    for name, text in fields.items():
        if holds_bsn(text):
            raise FieldError(
                name, N_("This looks like a BSN, which may not be kept here: remove it.")
            )


def read_document(form: Mapping[str, str], today: date) -> Document:
    """Return what is written of a document.

    Raises:
        FieldError: a field is not right, or holds more than it may.
    """
    kind, ending, country = (
        form.get(name, "") for name in ("document_kind", "document_ending", "document_country")
    )
    check_no_bsn(document_ending=ending, document_country=country)
    if kind not in set(DocumentKind):
        raise FieldError("document_kind", N_("Choose which document you looked at."))
    code = country.strip().upper()
    if code not in COUNTRIES:
        raise FieldError(
            "document_country",
            N_("Write the country in three letters, as the document has it: NLD, DEU."),
        )
    day = read_date("checked_on", form.get("checked_on", ""))
    if not today - CHECKED_WITHIN <= day <= today:
        raise FieldError(
            "checked_on", N_("Look at the document now, with the person before you: today.")
        )
    return Document(
        kind=DocumentKind(kind), ending=_read_ending(ending), country=code, checked_on=day
    )


def _read_ending(text: str) -> str:
    ending = "".join(text.split()).upper()
    if not _ENDING.fullmatch(ending):
        raise FieldError(
            "document_ending",
            N_("Write the last four characters of the document's number, and no more."),
        )
    return ending
