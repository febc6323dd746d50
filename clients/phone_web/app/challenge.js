// What this phone signs, byte by byte: SHA-256 over a context and canonical JSON (RFC 8785).
// Each challenge is computed from what the screen shows, never taken from the server.

const encoder = new TextEncoder();

/** Write an object of strings as RFC 8785 does: members sorted by UTF-16, no white space. */
export function canonical(details) {
  const members = Object.keys(details).sort().map((name) => {
    const value = details[name];
    // In Unicode mode a surrogate matches only where its other half is missing.
    if (typeof value !== "string" || /\p{Surrogate}/u.test(value)) throw new TypeError(name);
    return `${JSON.stringify(name)}:${JSON.stringify(value)}`;
  });
  return `{${members.join(",")}}`;
}

const sha256 = async (text) => new Uint8Array(await crypto.subtle.digest("SHA-256", encoder.encode(text)));
const over = (context) => (details) => sha256(`pairing_server/${context}/v1\n${canonical(details)}`);

/** What an approval says: everything that was shown, and the code as it was typed. */
export const approvalDetails = (request, code) => ({
  // With hashes it is no login, and stands under a context of its own.
  ...(request.hashes ? { hashes: request.hashes } : {}),
  auth_request: request.id,
  client: request.client ?? "",
  organisation: request.organisation ?? "",
  ura: request.ura ?? "",
  role_code: request.role_code ?? "",
  workstation: request.workstation ?? "",
  location: request.location ?? "",
  message: request.message ?? "",
  nonce: request.nonce ?? "",
  requested_at: request.requested_at ?? "",
  decision: "approve",
  code,
});

export const approvalChallenge = (request, code) =>
  over(request.hashes ? "transaction" : "approval")(approvalDetails(request, code));
export const changeChallenge = over("change");
export const renewalChallenge = over("renewal");
export const transferChallenge = over("transfer");
export const unblockChallenge = over("unblock");
export const membershipChallenge = over("membership");
export const unbindChallenge = (credentialId) => sha256(`pairing_server/unbind/v1\n${credentialId}`);
