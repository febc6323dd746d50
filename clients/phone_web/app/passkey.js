// The key: made and used by the phone itself (WebAuthn), which asks for PIN, finger or face.

import { b64url, unb64url } from "./bytes.js";

/** No key was made, or used (`isUse`); `reason` is `cancelled`, `exists`, `unsupported` or `failed`. */
export class NoKey extends Error {
  constructor(reason, cause, isUse = false) {
    super(reason, { cause });
    this.reason = reason;
    this.isUse = isUse;
  }
}

const REASONS = {
  NotAllowedError: "cancelled",
  AbortError: "cancelled",
  InvalidStateError: "exists",
  NotSupportedError: "unsupported",
  SecurityError: "unsupported",
};

export const canHoldKeys = () => Boolean(window.isSecureContext && window.PublicKeyCredential && navigator.credentials);

/** Make a key by PublicKeyCredentialCreationOptionsJSON; returns RegistrationResponseJSON. */
export async function makeKey(options) {
  // A key for a wider name would open other servers under it, too.
  if (options.rp.id !== location.hostname) throw new NoKey("unsupported");
  const asked = structuredClone(options);
  // This phone's own key, not one on another phone or on a stick.
  asked.authenticatorSelection = { authenticatorAttachment: "platform", ...asked.authenticatorSelection };
  return toJson(await ask("create", { publicKey: creationOptions(asked) }));
}

/**
 * Sign a challenge; returns AuthenticationResponseJSON.
 *
 * Without `credentialId` the phone offers the keys that it has for this server.
 */
export async function sign(challenge, { rpId, credentialId } = {}) {
  const publicKey = { challenge, userVerification: "required", timeout: 60_000 };
  if (rpId) publicKey.rpId = rpId;
  if (credentialId) {
    publicKey.allowCredentials = [{ type: "public-key", id: unb64url(credentialId), transports: ["internal"] }];
  }
  return toJson(await ask("get", { publicKey }));
}

async function ask(what, options) {
  if (!canHoldKeys()) throw new NoKey("unsupported");
  try {
    const made = await navigator.credentials[what](options);
    if (made) return made;
  } catch (error) {
    throw new NoKey(REASONS[error.name] ?? "failed", error, what === "get");
  }
  throw new NoKey("failed");
}

/** Let the phone throw away a key that opens nothing any more, where it knows how to be told. */
export const throwAway = (rpId, credentialId) =>
  PublicKeyCredential.signalUnknownCredential?.({ rpId, credentialId }).catch(() => undefined);

export function creationOptions(json) {
  const theirs = PublicKeyCredential.parseCreationOptionsFromJSON;
  return theirs ? theirs.call(PublicKeyCredential, json) : parsed(json);
}

function parsed(json) {
  const bytes = (entity) => ({ ...entity, id: unb64url(entity.id) });
  return {
    ...json,
    challenge: unb64url(json.challenge),
    user: bytes(json.user),
    excludeCredentials: (json.excludeCredentials ?? []).map(bytes),
  };
}

export function toJson(credential) {
  try {
    if (credential.toJSON) return credential.toJSON();
  } catch { /* password managers that stand in for the browser get this wrong: by hand, then */ }
  return written(credential);
}

const BYTES = ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"];

function written({ id, type, authenticatorAttachment, response }) {
  const values = BYTES.filter((name) => response[name]).map((name) => [name, b64url(response[name])]);
  const written = Object.fromEntries(values);
  if (response.getTransports) written.transports = response.getTransports();
  return {
    id, rawId: id, type, authenticatorAttachment: authenticatorAttachment ?? undefined,
    clientExtensionResults: {}, response: written,
  };
}
