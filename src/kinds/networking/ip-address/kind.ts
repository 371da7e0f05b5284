import type { IPAddress } from "#kinds/api/networking-v1.gen.ts";
import { nameColumn, text } from "#kinds/shared/columns.ts";
import type { KindHooks } from "#meta/kind.ts";
import type { DeepReadonly } from "#meta/object.ts";
import { ipAddressName, validateIpAddress } from "./validate.ts";

function parentCell({ spec }: DeepReadonly<IPAddress>): string {
  const parent = spec?.parentRef;
  if (!parent) return "<none>";
  const resource = (parent.group ? `${parent.resource}.${parent.group}` : (parent.resource ?? "")).toLowerCase();
  return [resource, ...(parent.namespace ? [parent.namespace] : []), parent.name].join("/");
}

export const ipAddressHooks: KindHooks<IPAddress> = {
  validate: validateIpAddress,
  nameRule: ipAddressName,
  generation: false,
  columns: [nameColumn, text("ParentRef", parentCell)],
};
