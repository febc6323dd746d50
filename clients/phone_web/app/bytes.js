// Bytes as the wire writes them: base64url without padding (RFC 4648 section 5).

export const b64url = (bytes) =>
  btoa(String.fromCharCode(...new Uint8Array(bytes)))
    .replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");

export const unb64url = (text) =>
  Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (each) => each.charCodeAt(0));

/** Draw a secret of 32 bytes: a device token is one. */
export const drawSecret = () => b64url(crypto.getRandomValues(new Uint8Array(32)));
