"""The authority on paths: RFC 5280 section 6 by `pyhanko-certvalidator`, without revocation.

It computes and does nothing else: no address is fetched, and `_finish` shows that nothing is
waited for.  It reads with `asn1crypto`, another parser than `certificate.py` has; what a card
says is taken from there.
"""

import logging
from collections.abc import AsyncIterator, Coroutine, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Final, TypeVar

from asn1crypto import algos, x509
from pyhanko_certvalidator.authority import (
    Authority,
    AuthorityWithCert,
    CertTrustAnchor,
    TrustAnchor,
    TrustQualifiers,
)
from pyhanko_certvalidator.context import ValidationContext
from pyhanko_certvalidator.errors import PathBuildingError
from pyhanko_certvalidator.name_trees import (
    PKIXSubtrees,
    default_excluded_subtrees,
    default_permitted_subtrees,
    process_general_subtrees,
)
from pyhanko_certvalidator.path import ValidationPath
from pyhanko_certvalidator.policy_decl import (
    NO_REVOCATION,
    AlgorithmUsageConstraint,
    AlgorithmUsagePolicy,
    CertRevTrustPolicy,
    PKIXValidationParams,
)
from pyhanko_certvalidator.registry import (
    CertificateRegistry,
    PathBuilder,
    TrustManager,
)
from pyhanko_certvalidator.validate import (
    SUPPORTED_EXTENSIONS,
    async_validate_path,
    validate_usage,
)

from pairing_server.uzi.refusals import MalformedCertificate

# Its messages quote names of the card, and on the way to a refusal it logs them.
logging.getLogger("pyhanko_certvalidator").setLevel(logging.CRITICAL + 1)

#: Paths that are tried: an authority that was signed twice, at each of three levels.  A stranger
#: who names all his authorities alike would have hundreds.
MAX_PATHS: Final = 8
#: RSA moduli, as NIST SP 800-131A has it.
MIN_RSA_BITS: Final = 2048

#: The hashes, and how long the salt is with each (RFC 4055 section 3.1).
_SALT_OCTETS: Final = {"sha256": 32, "sha384": 48, "sha512": 64}
_PURPOSES: Final = frozenset(("client_auth", "any_extended_key_usage"))
_CURVES: Final = frozenset(("secp256r1", "secp384r1", "secp521r1"))

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A path that names and key identifiers suggest.

    Attributes:
        ders: From the card's certificate to the anchor, both included.
        path: The same, as the library has it.
    """

    ders: tuple[bytes, ...]
    path: ValidationPath = field(repr=False)


def candidates(
    leaf: bytes, chain: Sequence[bytes], anchors: Sequence[bytes]
) -> Iterator[Candidate]:
    """Suggest at most `MAX_PATHS` paths from a card to an anchor; no signature is looked at.

    Args:
        leaf: DER of the card's certificate; an anchor of itself it is not.
        chain: DER of the authorities' certificates that were presented, in any order.
        anchors: DER.

    Raises:
        MalformedCertificate: The library stumbles over one of them.
    """
    return islice(_candidates(leaf, chain, anchors), MAX_PATHS)


def _candidates(
    leaf: bytes, chain: Sequence[bytes], anchors: Sequence[bytes]
) -> Iterator[Candidate]:
    try:
        registry = CertificateRegistry.build(map(_read, chain))
        builder = PathBuilder(_Anchors(anchor for anchor in anchors if anchor != leaf), registry)
        paths = builder.async_build_paths_lazy(_read(leaf))
        while (path := _finish(_next(paths))) is not None:
            yield Candidate(tuple(one.dump() for one in path)[::-1], path)
    except PathBuildingError:
        return
    except Exception as error:  # What it raises on a stranger's bytes is written nowhere.
        raise MalformedCertificate("authority", type(error).__name__) from error


def refuses(candidate: Candidate, policies: frozenset[str], at: datetime) -> str | None:
    """Tell why a path is not valid, or `None` when it is (RFC 5280 section 6.1).

    Args:
        policies: Dotted OIDs, of which the card has one that all authorities allow.
        at: Aware; the time for which all is checked.

    Returns:
        The rule, or the name of what the library raised: its message quotes the card's names.
    """
    path = candidate.path
    context = ValidationContext(
        trust_manager=_Anchors(candidate.ders[-1:]),
        moment=at,
        allow_fetching=False,
        revinfo_policy=CertRevTrustPolicy(NO_REVOCATION),
        time_tolerance=timedelta(0),
        algorithm_usage_policy=_Algorithms(),
    )
    try:
        anchor, *authorities = list(path)[:-1]
        _finish(async_validate_path(context, path, _parameters(policies, anchor)))
        validate_usage(path.last, {"digital_signature"}, {"client_auth"}, extended_optional=False)
        return _fault((anchor, *authorities))
    except Exception as error:  # noqa: BLE001  (as above: whatever it is, the path is not valid)
        return type(error).__name__


class _Anchors(TrustManager):
    """Anchors, told apart by their bytes; the library's own does by name and key."""

    def __init__(self, ders: Iterable[bytes]) -> None:
        self._anchors = {der: _anchor(_read(der)) for der in ders}

    def as_trust_anchor(self, authority: Authority) -> TrustAnchor | None:
        if not isinstance(authority, AuthorityWithCert):
            return None
        return self._anchors.get(authority.certificate.dump())

    def find_potential_issuers(self, cert: x509.Certificate) -> Iterator[TrustAnchor]:
        for anchor in self._anchors.values():
            if anchor.authority.is_potential_issuer_of(cert):
                yield anchor


def _anchor(certificate: x509.Certificate) -> TrustAnchor:
    """An anchor binds as its certificate says, but for policies (RFC 5937 section 3.2)."""
    length = certificate.max_path_length
    return CertTrustAnchor(
        certificate,
        TrustQualifiers(
            max_path_length=length,
            max_aa_path_length=length,  # With the first alone the library fails.
            valid_from=certificate.not_valid_before,
            valid_until=certificate.not_valid_after,
        ),
    )


def _parameters(policies: frozenset[str], anchor: x509.Certificate) -> PKIXValidationParams:
    """The inputs of RFC 5280 section 6.1.1, which hold for the anchor, too.

    They are not given with the anchor: where only one side says which policies are acceptable,
    the library takes the anchor's, which says any.
    """
    permitted, excluded = default_permitted_subtrees(), default_excluded_subtrees()
    constraints = anchor.name_constraints_value
    if constraints is not None:
        permitted |= _subtrees(constraints["permitted_subtrees"])
        excluded |= _subtrees(constraints["excluded_subtrees"])
    return PKIXValidationParams(
        user_initial_policy_set=policies,
        initial_explicit_policy=True,
        initial_policy_mapping_inhibit=True,
        initial_permitted_subtrees=permitted,
        initial_excluded_subtrees=excluded,
    )


def _subtrees(subtrees: Any) -> PKIXSubtrees:
    given = isinstance(subtrees, x509.GeneralSubtrees)
    return process_general_subtrees(subtrees) if given else {}


class _Algorithms(AlgorithmUsagePolicy):
    """RSASSA-PKCS1-v1_5, RSASSA-PSS and ECDSA with SHA-2, and no other spelling of them."""

    def signature_algorithm_allowed(
        self,
        algo: algos.SignedDigestAlgorithm,
        moment: datetime | None,  # noqa: ARG002  (today's are those of every card)
        public_key: Any,
    ) -> AlgorithmUsageConstraint:
        match algo.signature_algo, public_key.algorithm:
            case "rsassa_pkcs1v15", "rsa":
                allowed = public_key.bit_size >= MIN_RSA_BITS
            case "rsassa_pss", "rsa" | "rsassa_pss":
                allowed = public_key.bit_size >= MIN_RSA_BITS and _is_usual(algo["parameters"])
            case "ecdsa", "ec":
                allowed = public_key.curve[1] in _CURVES
            case _:
                allowed = False
        return AlgorithmUsageConstraint(allowed=allowed and algo.hash_algo in _SALT_OCTETS)


def _is_usual(parameters: algos.RSASSAPSSParams) -> bool:
    """Tell whether one hash serves for all and the salt is as long (RFC 4055 section 3.1)."""
    digest = parameters["hash_algorithm"]["algorithm"].native
    mask = parameters["mask_gen_algorithm"]["parameters"]["algorithm"].native
    return bool(mask == digest and parameters["salt_length"].native == _SALT_OCTETS.get(digest))


def _fault(authorities: Sequence[x509.Certificate]) -> str | None:
    """What the library leaves to its caller: usages, and what an anchor may not be."""
    for authority in authorities:
        usage, purposes = authority.key_usage_value, authority.extended_key_usage_value
        if not authority.ca or usage is None or "key_cert_sign" not in usage.native:
            return "no authority"
        if purposes is not None and _PURPOSES.isdisjoint(purposes.native):
            return "purpose"
        if authority.critical_extensions - SUPPORTED_EXTENSIONS:
            return "critical extension"
    return None


def _read(der: bytes) -> x509.Certificate:
    return x509.Certificate.load(der, strict=True)


async def _next(paths: AsyncIterator[ValidationPath]) -> ValidationPath | None:
    return await anext(paths, None)


def _finish(coroutine: Coroutine[Any, Any, _T]) -> _T:
    """Run a coroutine that waits for nothing, without a loop that it could wait on.

    Raises:
        RuntimeError: It waits for something, as fetching would.
    """
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]
    coroutine.close()
    raise RuntimeError("path validation waits for something")
