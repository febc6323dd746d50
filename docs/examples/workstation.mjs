// A workstation in JavaScript: Node 20 or later, and nothing else.
//
//     node workstation.mjs https://login.example.nl CLIENT_ID key.pem uzi:900001234
//
// The key is P-256 in PKCS #8 PEM; the server has its public half.

import { createPrivateKey, createPublicKey, randomUUID, sign, verify } from "node:crypto";
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const AUTH_REQ_ID = "urn:openid:params:jwt:claim:auth_req_id";
const GRANT_TYPE = "urn:openid:params:grant-type:ciba";
const ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const JWS = { dsaEncoding: "ieee-p1363" };

export class Workstation {
  constructor(issuer, clientId, pem) {
    this.issuer = issuer;
    this.clientId = clientId;
    this.key = createPrivateKey(pem);
  }

  async metadata() {
    if (!this.known) {
      const read = await getJson(`${this.issuer}/.well-known/openid-configuration`);
      if (read.issuer !== this.issuer) throw new Error("the metadata of another issuer");
      this.known = read;
    }
    return this.known;
  }

  /** Ask for a person; show `binding_code` to who sits here. */
  async start(loginHint, options = {}) {
    const { backchannel_authentication_endpoint: endpoint } = await this.metadata();
    const { requestContext, ...rest } = options;
    const form = { scope: "openid uzi", login_hint: loginHint, ...rest };
    if (requestContext) form.request_context = JSON.stringify(requestContext);
    const [ok, answer] = await this.post(endpoint, form);
    if (!ok) throw refusal(answer);
    return answer;
  }

  /**
   * Wait for the answer: the claims of the verified assertion.
   * `told` hears `open_the_app` while no phone has fetched the request, and "" after it.
   */
  async wait(started, told = () => {}) {
    const { token_endpoint: endpoint } = await this.metadata();
    const form = { grant_type: GRANT_TYPE, auth_req_id: started.auth_req_id };
    let interval = started.interval ?? 5;
    for (;;) {
      const asked = Date.now();
      const [ok, answer] = await this.post(endpoint, form, { prefer: "wait=25" });
      if (ok) return this.claims(answer.id_token, started.auth_req_id);
      if (answer.error === "slow_down") interval += 5;
      else if (answer.error === "authorization_pending") told(answer.hint ?? "");
      else throw refusal(answer);
      // After a call that was held that long the next follows at once.
      await sleep(asked + 1000 * interval - Date.now());
    }
  }

  /** Check the assertion: whose it is, for whom, until when, and for which request. */
  async claims(token, authReqId) {
    const [head, body, signature] = token.split(".");
    const { alg, kid } = fromPart(head);
    if (alg !== "ES256") throw new Error("another algorithm than ES256");
    const { keys } = await getJson((await this.metadata()).jwks_uri);
    const jwk = keys.find((each) => each.kid === kid && each.crv === "P-256");
    if (!jwk) throw new Error("a key that the server does not have");
    const key = createPublicKey({ key: jwk, format: "jwk" });
    const signed = Buffer.from(`${head}.${body}`);
    if (!verify("sha256", signed, { key, ...JWS }, Buffer.from(signature, "base64url"))) {
      throw new Error("a signature that does not verify");
    }
    const claims = fromPart(body);
    if (claims.iss !== this.issuer) throw new Error("another issuer");
    if (claims.aud !== this.clientId) throw new Error("meant for somebody else");
    if (!(claims.exp > Date.now() / 1000 - 5)) throw new Error("over");
    if (claims[AUTH_REQ_ID] !== authReqId) throw new Error("the answer to another request");
    return claims;
  }

  async post(url, form, headers = {}) {
    const body = new URLSearchParams({
      ...form,
      client_assertion_type: ASSERTION_TYPE,
      client_assertion: this.assertion(),
    });
    const answer = await fetch(url, { method: "POST", body, headers, redirect: "error" });
    return [answer.ok, await answer.json()];
  }

  assertion() {
    const now = Math.floor(Date.now() / 1000);
    const said = { iss: this.clientId, sub: this.clientId, aud: this.issuer };
    const claims = { ...said, jti: randomUUID(), iat: now, exp: now + 60 };
    const signed = `${toPart({ alg: "ES256" })}.${toPart(claims)}`;
    const signature = sign("sha256", Buffer.from(signed), { key: this.key, ...JWS });
    return `${signed}.${signature.toString("base64url")}`;
  }
}

const toPart = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
const fromPart = (part) => JSON.parse(Buffer.from(part, "base64url").toString());
const sleep = (milliseconds) => new Promise((done) => setTimeout(done, Math.max(0, milliseconds)));

async function getJson(url) {
  const answer = await fetch(url, { redirect: "error" });
  if (!answer.ok) throw new Error(`${answer.status} of ${url}`);
  return answer.json();
}

/** `error` is the standard's name, `reason` says who said no; the words may be shown. */
function refusal({ error, reason, error_description: words }) {
  return Object.assign(new Error(words ?? error), { error, reason });
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [issuer, clientId, file, who] = process.argv.slice(2);
  const workstation = new Workstation(issuer, clientId, readFileSync(file));
  const here = { workstation_id: "ws-1", workstation: "Balie 1", location: "Polikliniek" };
  const started = await workstation.start(who, { requestContext: here });
  console.log(`Type this code on your phone: ${started.binding_code}`);
  const claims = await workstation.wait(started, (hint) => hint && console.log(hint));
  console.log(`Logged in: ${claims.uzi_number}, ${claims.role_code}`);
}
