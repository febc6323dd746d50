"""What OAuth 2.0, OpenID Connect and CIBA name their refusals."""

from typing import Any

from pairing_server.errors import Refusal, Unauthenticated
from pairing_server.oidc.client_policy import DEFAULT_ALGORITHMS


class InvalidClient(Refusal):
    """Client authentication failed (RFC 6749 section 5.2)."""

    code = "invalid_client"
    status = 401
    description = "The client is unknown, or what it shows of itself does not verify."


class InvalidDpopProof(Refusal):
    """The `DPoP` field holds no proof of this call, now, once (RFC 9449 section 5)."""

    code = "invalid_dpop_proof"
    status = 400
    description = (
        "Send one DPoP proof of this very call: a new jti, iat of now, htm and htu as called."
    )


class UseDpopNonce(Refusal):
    """The proof has to have the nonce that comes with this answer (RFC 9449 section 8)."""

    code = "use_dpop_nonce"
    status = 400
    description = "Make a new DPoP proof with the nonce that stands in the field DPoP-Nonce."

    def __init__(self, nonce: str, *detail: object) -> None:
        super().__init__(*detail)
        self.headers = {"DPoP-Nonce": nonce, "Cache-Control": "no-store"}


class DpopChallenge(Unauthenticated):
    """An access token that is bound by DPoP came without its key (RFC 9449 section 7.1)."""

    description = "This token goes with the key that it was asked for with: send a DPoP proof."

    @property
    def challenge(self) -> str:
        """The `WWW-Authenticate` field, which says what a proof may be signed with."""
        algorithms = " ".join(DEFAULT_ALGORITHMS)
        return f'DPoP error="{self.code}", algs="{algorithms}"'


class DpopProofRefused(DpopChallenge):
    """The proof that came with an access token does not hold (RFC 9449 section 7.1)."""

    code = "invalid_dpop_proof"
    description = InvalidDpopProof.description


class InvalidScope(Refusal):
    """The scope lacks `openid` (CIBA Core section 13)."""

    code = "invalid_scope"
    status = 400
    description = "The scope must contain openid."


class NoMachineScope(InvalidScope):
    """The client may do none of this by itself (RFC 6749 section 5.2)."""

    description = (
        "Ask for scopes that your machine_scopes name: the server's operator agrees them."
    )


class MachineTokenNeeded(Unauthenticated):
    """A client calls without a token of its own, or with one that opens nothing."""

    description = (
        "Get a token of your own at the token endpoint (client_credentials), and send it with "
        "each call."
    )


class InsufficientScope(Refusal):
    """The token is good, and not for this (RFC 6750 section 3.1)."""

    code = "insufficient_scope"
    status = 403
    description = "This token is for something else: ask for one with the scope of this call."


class InvalidBindingMessage(Refusal):
    """The binding message cannot be shown or used (CIBA Core section 13)."""

    code = "invalid_binding_message"
    status = 400
    description = (
        "A binding_message is a code of 6 to 8 digits, or up to 100 characters without controls."
    )


class UnknownUserId(Refusal):
    """The hint names nobody with an active phone (CIBA Core section 13)."""

    code = "unknown_user_id"
    status = 400
    description = "Nobody of your organisation by this name has an active phone: pair one first."


class ExpiredLoginHintToken(Refusal):
    """The `login_hint_token` was good for some time, which is over (CIBA Core section 13)."""

    code = "expired_login_hint_token"
    status = 400
    description = "The login_hint_token is over: sign a new one."


class UnauthorizedClient(Refusal):
    """The client may not use this flow (CIBA Core section 13)."""

    code = "unauthorized_client"
    status = 400
    description = "The client is not registered for this grant: have it registered."


class UnmetRequirements(Refusal):
    """No login here reaches what `acr_values` asks for (Unmet Authentication Requirements 1.0)."""

    code = "unmet_authentication_requirements"
    status = 400
    description = (
        "No login here reaches one of these acr_values: ask for a lower one, or for none."
    )


class UnsupportedGrantType(Refusal):
    """The grant type is not one of ours (RFC 6749 section 5.2)."""

    code = "unsupported_grant_type"
    status = 400
    description = "Use a grant type that the discovery document lists."


class UnsupportedResponseType(Refusal):
    """The client asks for something else than a code (RFC 6749 section 4.1.2.1)."""

    code = "unsupported_response_type"
    status = 400
    description = "The only response_type is code."


class RequestNotSupported(Refusal):
    """The parameters come as a request object (OpenID Connect Core section 3.1.2.6)."""

    code = "request_not_supported"
    status = 400
    description = "Send the parameters themselves, or push them first (RFC 9126)."


class InvalidRequestUri(Refusal):
    """The `request_uri` is unknown, used, too old or another client's (RFC 9126 section 4)."""

    code = "invalid_request_uri"
    status = 400
    description = "This login was opened before, or too long ago: start again in your program."


class LoginRequired(Refusal):
    """Nobody can be logged in this way (OpenID Connect Core section 3.1.2.6)."""

    code = "login_required"
    status = 400
    description = "Nobody is logged in as asked: let the person log in."


class InvalidGrant(Refusal):
    """The `auth_req_id` is unknown, used or another client's (CIBA Core section 11)."""

    code = "invalid_grant"
    status = 400
    description = "This request is unknown, used or not yours: start a new one."


class AuthorizationPending(Refusal):
    """The person has not answered (CIBA Core section 11)."""

    code = "authorization_pending"
    status = 400
    description = "The person has not answered yet: ask again, or let the call wait."


class SlowDown(Refusal):
    """The person has not answered, and the client asks too often (CIBA Core section 11)."""

    code = "slow_down"
    status = 400
    description = "The person has not answered yet: leave five more seconds between your calls."


class ExpiredToken(Refusal):
    """The request ran out (CIBA Core section 11)."""

    code = "expired_token"
    status = 400
    description = "Nobody answered in time: start a new request."


class AccessDenied(Refusal):
    """The request was denied or ended (CIBA Core section 11); `reason` says how."""

    code = "access_denied"
    status = 400
    description = "The request was denied or ended; the reason says how."

    def __init__(self, reason: str, *detail: object, **members: Any) -> None:
        super().__init__(*detail, reason=reason, **members)
