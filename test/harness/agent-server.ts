// An API server with the built-in kinds, in memory, for tests of node agents: on a clock of their choice, with clients.

import { generateKeyPairSync } from "node:crypto";
import { createApiServer } from "#apiserver/api-server.ts";
import { createTokenSigner } from "#apiserver/auth/service-account-token.ts";
import { inProcessTransport } from "#apiserver/in-process.ts";
import type { Client } from "#client/client.ts";
import { createClient } from "#client/create-client.ts";
import { builtinKinds } from "#kinds/builtin-kinds.ts";
import { createKindServers } from "#kinds/servers.ts";
import type { Clock } from "#lib/clock.ts";
import { silentLogger } from "#lib/log.ts";
import { createMemoryStore } from "#store/memory-store.ts";

export interface AgentServer extends AsyncDisposable {
  /** As an administrator. */
  readonly client: Client;
  /** As the named node. */
  nodeClient(node: string): Client;
}

/** With the namespaces default and kube-node-lease and a ServiceAccount `default`. */
export async function startAgentServer(clock: Clock): Promise<AgentServer> {
  const store = createMemoryStore();
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
    ...createKindServers({ clock, random, signer: createTokenSigner({ key: privateKey }) }),
  });
  const clientOf = (name: string, ...groups: string[]) =>
    createClient(inProcessTransport(server, { name, groups: [...groups, "system:authenticated"] }));
  const client = clientOf("kubernetes-admin", "system:masters");
  const transport = inProcessTransport(server, { name: "kubernetes-admin", groups: ["system:masters", "system:authenticated"] });
  const post = (path: string, name: string) =>
    transport({
      method: "POST",
      path,
      headers: { "content-type": "application/json" },
      body: Buffer.from(JSON.stringify({ metadata: { name } })),
    });
  for (const name of ["default", "kube-node-lease"]) await post("/api/v1/namespaces", name);
  await post("/api/v1/namespaces/default/serviceaccounts", "default");
  return {
    client,
    nodeClient: (node) => clientOf(`system:node:${node}`, "system:nodes"),
    async [Symbol.asyncDispose]() {
      await server.stop();
      await store.close();
    },
  };
}
