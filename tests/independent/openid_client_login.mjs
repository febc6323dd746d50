// openid-client logs in, and jose verifies the assertion; all that they know is the issuer.
//
//     node openid_client_login.mjs ISSUER CLIENT_ID key.pem ciba uzi:900001234
//     node openid_client_login.mjs ISSUER CLIENT_ID key.pem code REDIRECT_URI
//
// Each line that it writes is an object with one member: `exchange`, `show`, `visit` or `claims`.

import { readFileSync } from "node:fs";
import { createInterface } from "node:readline/promises";

import { createRemoteJWKSet, importPKCS8, jwtVerify } from "jose";
import * as client from "openid-client";

const [issuer, clientId, file, flow, what] = process.argv.slice(2);
const tell = (told) => console.log(JSON.stringify(told));

async function watched(url, options) {
  const answer = await fetch(url, options);
  const form = Object.fromEntries(new URLSearchParams(options.body ?? ""));
  const body = await answer.clone().json().catch(() => null);
  tell({ exchange: { method: options.method, url: `${url}`, form, status: answer.status, body } });
  return answer;
}

async function ciba(config) {
  const started = await client.initiateBackchannelAuthentication(config, {
    scope: "openid uzi",
    login_hint: what,
  });
  tell({ show: started.binding_code });
  // The phone of a test is quicker than people are.
  return client.pollBackchannelAuthenticationGrant(config, { ...started, interval: 1 });
}

async function code(config) {
  const verifier = client.randomPKCECodeVerifier();
  const [state, nonce] = [client.randomState(), client.randomNonce()];
  const url = await client.buildAuthorizationUrlWithPAR(config, {
    redirect_uri: what,
    scope: "openid uzi",
    state,
    nonce,
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
  });
  tell({ visit: url.href });
  const returned = await createInterface({ input: process.stdin }).question("");
  return client.authorizationCodeGrant(config, new URL(returned), {
    pkceCodeVerifier: verifier,
    expectedState: state,
    expectedNonce: nonce,
    idTokenExpected: true,
  });
}

const key = await importPKCS8(readFileSync(file, "utf8"), "ES256");
const config = await client.discovery(
  new URL(issuer),
  clientId,
  undefined,
  client.PrivateKeyJwt(key),
  { execute: [client.allowInsecureRequests], [client.customFetch]: watched },
);
const tokens = await { ciba, code }[flow](config);
const metadata = config.serverMetadata();
const keys = createRemoteJWKSet(new URL(metadata.jwks_uri));
const verified = await jwtVerify(tokens.id_token, keys, {
  issuer: metadata.issuer,
  audience: clientId,
  algorithms: metadata.id_token_signing_alg_values_supported,
  requiredClaims: ["exp", "iat", "sub"],
});
const userinfo = await client.fetchUserInfo(config, tokens.access_token, tokens.claims().sub);
tell({ claims: verified.payload, userinfo });
process.exit(0);
