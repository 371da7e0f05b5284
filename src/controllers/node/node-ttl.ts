// Tells nodes by an annotation how long they may keep what they read of Secrets and ConfigMaps: the more nodes, the longer.

import { Node } from "#kinds/api/core-v1.gen.ts";
import { isNotFound } from "#meta/errors.ts";
import type { ControllerDefinition } from "#reconcile/controller.ts";

const ANNOTATION = "node.alpha.kubernetes.io/ttl";

/** Upstream's table. A level is left upwards beyond `most` nodes, and downwards below `least`, so that it does not flap. */
const LEVELS: readonly { readonly least: number; readonly most: number; readonly seconds: number }[] = [
  { least: 0, most: 100, seconds: 0 },
  { least: 90, most: 500, seconds: 15 },
  { least: 450, most: 1000, seconds: 30 },
  { least: 900, most: 2000, seconds: 60 },
  { least: 1800, most: Infinity, seconds: 300 },
];

/** The level for so many nodes, from the one there was. Pure. */
export function nextLevel(level: number, nodes: number): number {
  let next = level;
  while (nodes > (LEVELS[next]?.most ?? Infinity)) next++;
  while (nodes < (LEVELS[next]?.least ?? 0)) next--;
  return next;
}

export function nodeTtlController(): ControllerDefinition {
  let level = 0;
  return {
    name: "ttl-controller",
    for: Node,
    async reconcile(key, { cache, client, signal }) {
      const nodes = cache(Node);
      const node = nodes.get(key);
      level = nextLevel(level, nodes.list().length);
      const seconds = String(LEVELS[level]?.seconds ?? 0);
      if (!node || node.metadata?.annotations?.[ANNOTATION] === seconds) return;
      await client.patch(Node, key, { metadata: { annotations: { [ANNOTATION]: seconds } } }, { signal }).catch((error: unknown) => {
        if (!isNotFound(error)) throw error;
      });
    },
  };
}
