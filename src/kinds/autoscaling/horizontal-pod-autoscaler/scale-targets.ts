// Which resources serve a kind: autoscalers name their targets by kind alone.

import type { Resource } from "#meta/resource.ts";

/** A discovered resource. */
type Found = Pick<Resource, "group" | "version" | "kind" | "plural" | "namespaced">;

export interface KindMapper {
  /** Rejects with upstream's words if nothing serves the kind, or with what discovery fails with. */
  resourceOf(group: string, kind: string): Promise<Found>;
}

/** As upstream's mapper, which is told to look anew that often. */
const REFRESH_MS = 30_000;

/** What it found it keeps; what it does not find it looks for anew, but not all the time. */
export function createKindMapper(discover: () => Promise<readonly Found[]>, now: () => number): KindMapper {
  let known: Promise<readonly Found[]> | undefined;
  let readAt = 0;
  const read = (): Promise<readonly Found[]> => {
    readAt = now();
    known = discover().catch((error: unknown) => {
      known = undefined;
      throw error;
    });
    return known;
  };
  return {
    async resourceOf(group, kind) {
      const find = (all: readonly Found[]) => all.find((one) => one.group === group && one.kind === kind);
      let found = find(await (known ?? read()));
      if (!found && now() - readAt >= REFRESH_MS) found = find(await read());
      if (!found) throw new Error(`no matches for kind ${JSON.stringify(kind)} in group ${JSON.stringify(group)}`);
      return found;
    },
  };
}
