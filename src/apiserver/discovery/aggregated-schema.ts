// apidiscovery.k8s.io/v2 with protobuf's numbers. It is no kind of the table, since nobody can write one.

import type { Field, Schema } from "#meta/schema.ts";

const TEXT: Schema = { type: "string" };
const TEXTS: Schema = { type: "array", items: TEXT };

/** Fields in the order of their numbers, which begin at 1; with `?` those that are pointers in Go. */
function message(fields: Readonly<Record<string, Schema>>): Schema {
  const numbered = Object.entries(fields).map(([key, schema], index): [string, Field] => {
    const name = key.replace("?", "");
    return [name, { name, schema, required: false, protoNumber: index + 1, ...(key.endsWith("?") && { pointer: true }) }];
  });
  return { type: "object", fields: new Map(numbered) };
}

const listOf = (items: Schema): Schema => ({ type: "array", items });

/** Of APIGroupDiscoveryList. */
export function groupDiscoverySchema(): Schema {
  const kind = message({ group: TEXT, version: TEXT, kind: TEXT });
  const subresource = message({ subresource: TEXT, "responseKind?": kind, acceptedTypes: listOf(kind), verbs: TEXTS });
  const resource = message({
    resource: TEXT,
    "responseKind?": kind,
    scope: TEXT,
    singularResource: TEXT,
    verbs: TEXTS,
    shortNames: TEXTS,
    categories: TEXTS,
    subresources: listOf(subresource),
  });
  const version = message({ version: TEXT, resources: listOf(resource), freshness: TEXT });
  // Of a group's metadata only the name is set.
  const group = message({ metadata: message({ name: TEXT }), versions: listOf(version) });
  return message({ metadata: message({}), items: listOf(group) });
}
