"""What the server says of itself (OpenID Connect Discovery 1.0, CIBA Core section 4)."""

from typing import Any

from pairing_server.oidc.client_policy import DEFAULT_ALGORITHMS, MachineScope
from pairing_server.registry.client_metadata import AuthMethod, ServerAlgorithm
from pairing_server.settings import AssuranceLevel

CIBA_GRANT_TYPE = "urn:openid:params:grant-type:ciba"
DEVICE_GRANT_TYPE = "urn:ietf:params:oauth:grant-type:device_code"
CODE_GRANT_TYPE = "authorization_code"
CREDENTIALS_GRANT_TYPE = "client_credentials"
SCOPES = ("openid", "profile", "uzi", "dezi")

#: What is told of the person, by scope or by name (OpenID Connect Core section 5.5).
PERSONAL_CLAIMS = (
    "name", "given_name", "family_name", "preferred_username",
    "uzi_number", "ura", "organisation_name", "role_code",
    "abonnee_nummer", "abonnee_naam", "rol_code", "rol_naam", "membership",
)  # fmt: skip

TOKEN_PATH = "/token"  # noqa: S105  (a path)
BACKCHANNEL_PATH = "/bc-authorize"
DEVICE_PATH = "/device_authorization"
USERINFO_PATH = "/userinfo"
INTROSPECTION_PATH = "/introspect"
JWKS_PATH = "/jwks.json"
AUTHORIZATION_PATH = "/authorize"
PAR_PATH = "/par"
LOGOUT_PATH = "/logout"


#: Where clients that have a certificate may show it, by their names in the metadata.
CERTIFICATE_PATHS = {
    "token_endpoint": TOKEN_PATH,
    "pushed_authorization_request_endpoint": PAR_PATH,
    "backchannel_authentication_endpoint": BACKCHANNEL_PATH,
    "device_authorization_endpoint": DEVICE_PATH,
    "userinfo_endpoint": USERINFO_PATH,
    "introspection_endpoint": INTROSPECTION_PATH,
}


def discovery(issuer: str, aliases: str | None = None) -> dict[str, Any]:
    """Return the provider's metadata.

    Args:
        aliases: The origin of the endpoints that ask for a certificate (RFC 8705 section 5).
    """
    methods = [AuthMethod.PRIVATE_KEY_JWT, *([AuthMethod.TLS_CLIENT_AUTH] if aliases else [])]
    by_certificate = {
        "tls_client_certificate_bound_access_tokens": True,
        "mtls_endpoint_aliases": {
            name: f"{aliases}{path}" for name, path in CERTIFICATE_PATHS.items()
        },
    }
    return {
        "issuer": issuer,
        "jwks_uri": issuer + JWKS_PATH,
        "token_endpoint": issuer + TOKEN_PATH,
        "userinfo_endpoint": issuer + USERINFO_PATH,
        "introspection_endpoint": issuer + INTROSPECTION_PATH,
        "introspection_endpoint_auth_methods_supported": methods,
        "introspection_endpoint_auth_signing_alg_values_supported": list(DEFAULT_ALGORITHMS),
        "backchannel_authentication_endpoint": issuer + BACKCHANNEL_PATH,
        "device_authorization_endpoint": issuer + DEVICE_PATH,
        "backchannel_token_delivery_modes_supported": ["poll", "ping"],
        "backchannel_authentication_request_signing_alg_values_supported": list(
            DEFAULT_ALGORITHMS
        ),
        "backchannel_user_code_parameter_supported": False,
        "authorization_endpoint": issuer + AUTHORIZATION_PATH,
        "pushed_authorization_request_endpoint": issuer + PAR_PATH,
        "require_pushed_authorization_requests": False,
        "end_session_endpoint": issuer + LOGOUT_PATH,
        "backchannel_logout_supported": True,
        "backchannel_logout_session_supported": True,
        "grant_types_supported": [
            CIBA_GRANT_TYPE,
            DEVICE_GRANT_TYPE,
            CODE_GRANT_TYPE,
            CREDENTIALS_GRANT_TYPE,
        ],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
        "prompt_values_supported": ["login", "consent", "select_account"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "token_endpoint_auth_methods_supported": methods,
        "token_endpoint_auth_signing_alg_values_supported": list(DEFAULT_ALGORITHMS),
        "dpop_signing_alg_values_supported": list(DEFAULT_ALGORITHMS),
        "userinfo_signing_alg_values_supported": list(ServerAlgorithm),
        "scopes_supported": [*SCOPES, *MachineScope],
        "acr_values_supported": [*AssuranceLevel],
        "claims_supported": ["sub", "sid", "auth_time", "acr", "amr", *PERSONAL_CLAIMS],
        "claims_parameter_supported": True,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
        **(by_certificate if aliases else {}),
    }
