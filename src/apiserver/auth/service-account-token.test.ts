import assert from "node:assert/strict";
import { createHmac, generateKeyPairSync, type KeyObject, sign as signBytes } from "node:crypto";
import { test } from "node:test";
import { createVirtualClock } from "#lib/clock.ts";
import type { ApiRequest } from "../http.ts";
import { bearerTokenAuthenticator, isInvalidToken, staticToken, type TokenAuthenticator, tokenUnion } from "./bearer-token.ts";
import {
  type BackingObject,
  createServiceAccountTokens,
  createTokenSigner,
  DEFAULT_ISSUER,
  type TokenSubject,
} from "./service-account-token.ts";

const newKey = (): KeyObject => generateKeyPairSync("ec", { namedCurve: "prime256v1" }).privateKey;
const SUBJECT: TokenSubject = {
  namespace: "shop",
  serviceaccount: { name: "web", uid: "u-web" },
  pod: { name: "web-1", uid: "u-pod" },
  node: { name: "n1" },
};
const HOUR = 3600;

/** A cluster with one account, one pod, and a signer. */
function world() {
  const clock = createVirtualClock();
  const key = newKey();
  const signer = createTokenSigner({ key });
  const objects = new Map<string, BackingObject>([
    ["account shop/web", { uid: "u-web" }],
    ["pod shop/web-1", { uid: "u-pod" }],
    ["node n2", { uid: "u-node" }],
  ]);
  const tokens = createServiceAccountTokens({
    signer,
    clock,
    backing: {
      serviceAccount: (namespace, name) => objects.get(`account ${namespace}/${name}`),
      pod: (namespace, name) => objects.get(`pod ${namespace}/${name}`),
      secret: (namespace, name) => objects.get(`secret ${namespace}/${name}`),
      node: (name) => objects.get(`node ${name}`),
    },
  });
  const now = () => Math.floor(clock.now() / 1000);
  const issue = (subject = SUBJECT, audiences: readonly string[] = [DEFAULT_ISSUER], seconds = HOUR) =>
    signer.sign({ subject, audiences, issuedAt: now(), expiresAt: now() + seconds });
  return { clock, key, signer, objects, tokens, issue, now };
}
const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
/** A JWT made by hand, so that it can be wrong in any way. */
function forge(header: Record<string, unknown>, claims: Record<string, unknown>, key: KeyObject): string {
  const body = `${encode(header)}.${encode(claims)}`;
  return `${body}.${signBytes("sha256", Buffer.from(body), { key, dsaEncoding: "ieee-p1363" }).toString("base64url")}`;
}
const claimsOf = (now: number, changes: Record<string, unknown> = {}): Record<string, unknown> => ({
  iss: DEFAULT_ISSUER,
  sub: "system:serviceaccount:shop:web",
  aud: [DEFAULT_ISSUER],
  iat: now,
  nbf: now,
  exp: now + HOUR,
  "kubernetes.io": { namespace: "shop", serviceaccount: { name: "web", uid: "u-web" } },
  ...changes,
});
const refusal = async (tokens: TokenAuthenticator, token: string, audiences = [DEFAULT_ISSUER]): Promise<string> => {
  try {
    await tokenUnion([tokens]).authenticate(token, audiences);
  } catch (error) {
    if (isInvalidToken(error)) return error.message;
    throw error;
  }
  return "accepted";
};

test("a good token stands for its account, with what it is bound to", async () => {
  const { tokens, issue } = world();
  const identity = await tokens.authenticate(await issue(), [DEFAULT_ISSUER, "other"]);
  assert.ok(identity);
  const { extra, ...user } = identity.user;
  assert.deepEqual(user, {
    name: "system:serviceaccount:shop:web",
    uid: "u-web",
    groups: ["system:serviceaccounts", "system:serviceaccounts:shop"],
  });
  assert.match(extra?.["authentication.kubernetes.io/credential-id"]?.[0] ?? "", /^JTI=[0-9a-f-]{36}$/);
  assert.deepEqual(extra?.["authentication.kubernetes.io/pod-name"], ["web-1"]);
  assert.deepEqual(extra?.["authentication.kubernetes.io/pod-uid"], ["u-pod"]);
  assert.deepEqual(extra?.["authentication.kubernetes.io/node-name"], ["n1"]);
  assert.deepEqual(identity.audiences, [DEFAULT_ISSUER]);
});

test("a token made by hand with the right key and claims is accepted: the attacks below fail for their own reason", async () => {
  const { tokens, key, now } = world();
  assert.equal(await refusal(tokens, forge({ alg: "ES256" }, claimsOf(now()), key)), "accepted");
});

const INVALID = "invalid bearer token";
type World = ReturnType<typeof world>;
const ATTACKS: readonly { name: string; token: (w: World) => string | Promise<string>; message?: string }[] = [
  { name: "no token at all", token: () => "nonsense" },
  { name: "three dots of nothing", token: () => ".." },
  { name: "algorithm none without signature", token: ({ now }) => `${encode({ alg: "none" })}.${encode(claimsOf(now()))}.` },
  { name: "algorithm none with a real signature", token: ({ key, now }) => forge({ alg: "none" }, claimsOf(now()), key) },
  {
    name: "HMAC keyed with the public key",
    token: ({ signer, now }) => {
      const body = `${encode({ alg: "HS256" })}.${encode(claimsOf(now()))}`;
      const secret = signer.publicKey.export({ type: "spki", format: "pem" });
      return `${body}.${createHmac("sha256", secret).update(body).digest("base64url")}`;
    },
  },
  { name: "another key", token: ({ now }) => forge({ alg: "ES256" }, claimsOf(now()), newKey()) },
  {
    name: "a key carried in its own header",
    token: ({ now }) => {
      const key = newKey();
      return forge({ alg: "ES256", jwk: createTokenSigner({ key }).keySet.keys[0] }, claimsOf(now()), key);
    },
  },
  {
    name: "a changed claim",
    token: async ({ issue, now }) => {
      const [header, , signature] = (await issue()).split(".");
      return `${header}.${encode(claimsOf(now(), { sub: "system:serviceaccount:kube-system:root" }))}.${signature}`;
    },
  },
  { name: "a signature cut short", token: async ({ issue }) => (await issue()).slice(0, -10) },
  { name: "another issuer", token: ({ key, now }) => forge({ alg: "ES256" }, claimsOf(now(), { iss: "https://evil.example" }), key) },
  { name: "a time before it is valid", token: ({ key, now }) => forge({ alg: "ES256" }, claimsOf(now(), { nbf: now() + 60 }), key) },
  { name: "no end", token: ({ key, now }) => forge({ alg: "ES256" }, claimsOf(now(), { exp: undefined }), key) },
  {
    name: "a subject unlike its account",
    token: ({ key, now }) => forge({ alg: "ES256" }, claimsOf(now(), { sub: "system:serviceaccount:kube-system:root" }), key),
  },
  { name: "no account", token: ({ key, now }) => forge({ alg: "ES256" }, claimsOf(now(), { "kubernetes.io": {} }), key) },
  {
    name: "a binding that cannot be read",
    token: ({ key, now }) =>
      forge(
        { alg: "ES256" },
        claimsOf(now(), { "kubernetes.io": { namespace: "shop", serviceaccount: { name: "web", uid: "u-web" }, pod: "web-1" } }),
        key,
      ),
  },
  {
    name: "its end in the past",
    token: ({ key, now }) => forge({ alg: "ES256" }, claimsOf(now(), { exp: now() - 1, nbf: now() - 100 }), key),
    message: `[${INVALID}, service account token has expired]`,
  },
  {
    name: "another audience",
    token: ({ issue }) => issue(SUBJECT, ["vault"]),
    message: `[${INVALID}, token audiences ["vault"] is invalid for the target audiences ["${DEFAULT_ISSUER}"]]`,
  },
  {
    name: "an account that is not there",
    token: ({ issue }) => issue({ ...SUBJECT, serviceaccount: { name: "gone", uid: "x" } }),
    message: `[${INVALID}, service account "gone" not found]`,
  },
  {
    name: "an account made anew under the old name",
    token: ({ issue }) => issue({ ...SUBJECT, serviceaccount: { name: "web", uid: "old" } }),
    message: `[${INVALID}, service account UID (u-web) does not match claim (old)]`,
  },
  {
    name: "a pod made anew under the old name",
    token: ({ issue }) => issue({ ...SUBJECT, pod: { name: "web-1", uid: "old" } }),
    message: `[${INVALID}, pod UID (u-pod) does not match claim (old)]`,
  },
  {
    name: "a secret that is gone",
    token: ({ issue }) => issue({ namespace: "shop", serviceaccount: SUBJECT.serviceaccount, secret: { name: "s", uid: "u" } }),
    message: `[${INVALID}, secret "s" not found]`,
  },
  {
    name: "a node made anew under the old name",
    token: ({ issue }) => issue({ namespace: "shop", serviceaccount: SUBJECT.serviceaccount, node: { name: "n2", uid: "old" } }),
    message: `[${INVALID}, node UID (u-node) does not match claim (old)]`,
  },
];
for (const { name, token, message = INVALID } of ATTACKS) {
  test(`a token with ${name} is refused`, async () => {
    const cluster = world();
    assert.equal(await refusal(cluster.tokens, await token(cluster)), message);
  });
}

test("a token that was accepted is refused when it expires", async () => {
  const { tokens, issue, clock } = world();
  const token = await issue();
  assert.equal(await refusal(tokens, token), "accepted");
  await clock.advance(HOUR * 1000);
  assert.equal(await refusal(tokens, token), `[${INVALID}, service account token has expired]`);
});

test("a token that was accepted is refused some seconds after its pod is gone", async () => {
  const { tokens, issue, clock, objects } = world();
  const token = await issue();
  assert.equal(await refusal(tokens, token), "accepted");
  objects.delete("pod shop/web-1");
  await clock.advance(11_000);
  assert.equal(await refusal(tokens, token), `[${INVALID}, pod "web-1" not found]`);
});

test("a pod being deleted keeps its token for a minute", async () => {
  const { tokens, issue, clock, objects } = world();
  const token = await issue();
  objects.set("pod shop/web-1", { uid: "u-pod", deletedAt: clock.now() });
  await clock.advance(30_000);
  assert.equal(await refusal(tokens, token), "accepted");
  await clock.advance(31_000);
  assert.equal(await refusal(tokens, token), `[${INVALID}, pod has been deleted]`);
});

const requestWith = (headers: Record<string, string>) => ({ headers }) as unknown as ApiRequest;

test("the header carries the token; without one it has no opinion, with a bad one it is 401", async () => {
  const { tokens, issue } = world();
  const token = await issue();
  const authenticator = bearerTokenAuthenticator(tokenUnion([staticToken("secret", { name: "root", groups: [] }), tokens]), [
    DEFAULT_ISSUER,
  ]);
  const who = async (headers: Record<string, string>) => (await authenticator.authenticate(requestWith(headers)))?.name;
  assert.equal(await who({ authorization: `Bearer ${token}` }), "system:serviceaccount:shop:web");
  assert.equal(await who({ authorization: `bearer   ${token}` }), "system:serviceaccount:shop:web");
  assert.equal(await who({ authorization: "Bearer secret" }), "root");
  const protocol = `v5.channel.k8s.io, base64url.bearer.authorization.k8s.io.${Buffer.from(token).toString("base64url")}`;
  assert.equal(await who({ "sec-websocket-protocol": protocol }), "system:serviceaccount:shop:web");
  for (const headers of [{}, { authorization: "Basic eDp5" }, { authorization: "Bearer" }] as Record<string, string>[]) {
    assert.equal(await who(headers), undefined);
  }
  await assert.rejects(who({ authorization: "Bearer wrong" }), { code: 401, message: "Unauthorized" });
});

test("the key set verifies tokens for anybody who has it", async () => {
  const { signer, issue, clock } = world();
  const { createLocalJWKSet, jwtVerify } = await import("jose");
  const keys = createLocalJWKSet(JSON.parse(JSON.stringify(signer.keySet)));
  const { payload } = await jwtVerify(await issue(), keys, { issuer: DEFAULT_ISSUER, currentDate: new Date(clock.now()) });
  assert.equal(payload.sub, "system:serviceaccount:shop:web");
  assert.equal(JSON.stringify(signer.keySet).includes('"d"'), false);
});
