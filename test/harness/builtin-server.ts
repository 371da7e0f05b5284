// An API server with the built-in kinds and access control, in memory, on a virtual clock, without nodes or controllers.

import { generateKeyPairSync } from "node:crypto";
import { type ApiServer, createApiServer } from "#apiserver/api-server.ts";
import { createTokenSigner } from "#apiserver/auth/service-account-token.ts";
import type { ApiRequest, UserInfo } from "#apiserver/http.ts";
import { builtinKinds } from "#kinds/builtin-kinds.ts";
import { builtinStructure } from "#kinds/structure.ts";
import { createKindServers } from "#kinds/servers.ts";
import { createVirtualClock, type VirtualClock } from "#lib/clock.ts";
import { silentLogger } from "#lib/log.ts";
import type { AnyObject } from "#meta/object.ts";
import { createMemoryStore } from "#store/memory-store.ts";
import type { Store } from "#store/store.ts";

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** The decoded body; `{}` if there was none. */
  readonly object: AnyObject & { readonly message?: string; readonly reason?: string; readonly items?: AnyObject[] };
}

export interface BuiltinServer extends AsyncDisposable {
  readonly server: ApiServer;
  readonly store: Store;
  readonly clock: VirtualClock;
  /** As an administrator. */
  call(method: string, path: string, body?: unknown): Promise<Answer>;
  /** As `user`, authenticated already. */
  callAs(user: UserInfo, method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<Answer>;
  /** With whatever credentials the headers or `peerCertificate` hold. */
  send(method: string, path: string, request?: Partial<Pick<ApiRequest, "headers" | "peerCertificate">>, body?: unknown): Promise<Answer>;
  /** Asks again until `condition` holds of the answer; fails after some seconds. */
  until(path: string, condition: (answer: Answer) => boolean): Promise<Answer>;
}

export const ADMIN: UserInfo = { name: "kubernetes-admin", groups: ["system:masters", "system:authenticated"] };

export async function startBuiltinServer(
  options: { readonly store?: Store; readonly namespaces?: readonly string[] } = {},
): Promise<BuiltinServer> {
  const store = options.store ?? createMemoryStore();
  const clock = createVirtualClock();
  let seed = 1;
  const random = () => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  const server = await createApiServer({
    store,
    kinds: builtinKinds(),
    clock,
    log: silentLogger,
    random,
    version: { major: "1", minor: "36", gitVersion: "v1.36.0+test" },
    openApi: { types: builtinStructure() },
    ...createKindServers({ clock, random, signer: createTokenSigner({ key: privateKey }) }),
  });
  const request = async (method: string, target: string, body: unknown, rest: Partial<ApiRequest>): Promise<Answer> => {
    const [path = "", query = ""] = target.split("?");
    const bytes = body === undefined ? new Uint8Array() : Buffer.from(JSON.stringify(body));
    const patch = method === "PATCH" ? "application/merge-patch+json" : "application/json";
    const answer = await server.handler({
      method,
      path,
      query: new URLSearchParams(query),
      signal: new AbortController().signal,
      remoteAddress: "127.0.0.1",
      body: () => Promise.resolve(bytes),
      ...rest,
      headers: { ...(body === undefined ? {} : { "content-type": patch }), ...rest.headers },
    });
    const chunks: Uint8Array[] = [];
    if (answer.body instanceof Uint8Array) chunks.push(answer.body);
    else if (answer.body) for await (const chunk of answer.body) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString("utf8");
    return { status: answer.status, headers: answer.headers, object: text === "" ? {} : JSON.parse(text) };
  };
  const call: BuiltinServer["call"] = (method, path, body) => request(method, path, body, { trustedUser: ADMIN });
  for (const name of options.namespaces ?? ["default"]) {
    await call("POST", "/api/v1/namespaces", { metadata: { name } });
    await call("POST", `/api/v1/namespaces/${name}/serviceaccounts`, { metadata: { name: "default" } });
  }
  return {
    server,
    store,
    clock,
    call,
    callAs: (user, method, path, body, headers = {}) => request(method, path, body, { trustedUser: user, headers }),
    send: (method, path, given = {}, body) => request(method, path, body, given),
    async until(path, condition) {
      const deadline = performance.now() + 5000;
      for (;;) {
        const answer = await call("GET", path);
        if (condition(answer)) return answer;
        if (performance.now() > deadline) throw new Error(`${path} did not become as expected: ${JSON.stringify(answer)}`);
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
    async [Symbol.asyncDispose]() {
      await server.stop();
      if (!options.store) await store.close();
    },
  };
}
