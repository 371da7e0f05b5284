// Answers discovery from kind definitions where the server does not do so itself.

import type { Transport, TransportResponse } from "#client/transport.ts";
import type { KindDefinition } from "#meta/kind.ts";
import { apiVersionOf } from "#meta/resource.ts";

export function withDiscovery(transport: Transport, kinds: readonly KindDefinition[]): Transport {
  const groups = new Map<string, { groupVersion: string; version: string }[]>();
  const resources = new Map<string, unknown[]>();
  for (const { resource, verbs, virtual } of kinds) {
    if (virtual) continue;
    const groupVersion = apiVersionOf(resource);
    if (!resources.has(groupVersion)) {
      resources.set(groupVersion, []);
      if (resource.group !== "")
        groups.set(resource.group, [...(groups.get(resource.group) ?? []), { groupVersion, version: resource.version }]);
    }
    resources.get(groupVersion)?.push({ name: resource.plural, kind: resource.kind, namespaced: resource.namespaced, verbs });
  }
  const json = (value: unknown): TransportResponse => ({ status: 200, headers: {}, body: new TextEncoder().encode(JSON.stringify(value)) });
  return async (request) => {
    const response = await transport(request);
    if (response.status !== 404 || request.method !== "GET") return response;
    if (request.path === "/apis") {
      return json({ groups: Array.from(groups, ([name, versions]) => ({ name, versions, preferredVersion: versions[0] })) });
    }
    const found = resources.get(request.path.replace(/^\/apis?\//, ""));
    return found ? json({ resources: found }) : response;
  };
}
