// Requests that a client in its right mind would not send, and some that it would: made from a seed.

import type { KindDefinition } from "#meta/kind.ts";
import type { Schema } from "#meta/schema.ts";

export interface FuzzRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | undefined;
}

export interface Dice {
  /** In [0, 1). */
  next(): number;
  below(limit: number): number;
  pick<T>(list: readonly T[]): T;
  chance(probability: number): boolean;
}

/** mulberry32. */
export function createDice(seed: number): Dice {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (limit: number) => Math.floor(next() * limit);
  return {
    next,
    below,
    pick: <T>(list: readonly T[]): T => list[below(list.length)] as T, // never asked of an empty list
    chance: (probability) => next() < probability,
  };
}

const NAMES: readonly string[] = ["a", "b", "c", "d-1", "default", "kubernetes", "kobune"];
const ODD_NAMES: readonly string[] = [
  "A_b",
  "..",
  "%2f",
  "a%2fb",
  "-",
  "%00",
  "%",
  "%zz",
  "%C3%BC",
  "x".repeat(300),
  "a%20b",
  "a%09b",
  ".",
  "*",
];
const TEXTS: readonly string[] = [
  "a",
  "",
  "nginx",
  "10",
  "1.5Gi",
  "-3",
  "80%",
  "TCP",
  "http",
  "2020-01-01T00:00:00Z",
  "Always",
  "Never",
  "10.0.0.1",
  "10.0.0.0/33",
  "fe80::1",
  "\u0000",
  "\ud800",
  "😀",
  "x".repeat(5000),
  "a=b,c!=d",
  "{.spec.replicas}",
  "$(HOME)",
  "__proto__",
  "constructor",
  "1e400",
  "0x10",
  "1 2 3 4 *",
  "*/5 * * * *",
  "Europe/Nowhere",
  "../../etc/passwd",
  "(a+)+$",
];
const NUMBERS: readonly number[] = [0, 1, -1, 3, 80, 65_536, 2 ** 31, -(2 ** 31), 2 ** 53, 2 ** 63, 1e300, 0.5, -0];
const ODD: readonly unknown[] = [null, [], {}, "", 0, true, [null], [[]], { a: null }, [1, "a"], { "": {} }, "x".repeat(70_000)];
const CONTENT_TYPES: readonly string[] = [
  "application/json",
  "application/json",
  "application/json",
  "application/yaml",
  "application/vnd.kubernetes.protobuf",
  "text/plain",
  "",
  "application/cbor",
  "application/json; charset=utf-16",
  "multipart/form-data",
];
const PATCH_TYPES: readonly string[] = [
  "application/json-patch+json",
  "application/merge-patch+json",
  "application/strategic-merge-patch+json",
  "application/apply-patch+yaml",
  "application/apply-patch+cbor",
  "application/json",
];
const ACCEPTS: readonly string[] = [
  "*/*",
  "application/json",
  "application/yaml",
  "application/vnd.kubernetes.protobuf",
  "application/json;as=Table;v=v1;g=meta.k8s.io",
  "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io",
  "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json",
  "application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io",
  "text/html",
  ";;;",
  "application/json;q=9,*/*;q=-1",
  "application/cbor",
];
const PARAMETERS: readonly (readonly [string, readonly string[]])[] = [
  ["limit", ["1", "2", "0", "-1", "x", "99999999999999999999"]],
  ["continue", ["x", "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6LTEsInN0YXJ0IjoiYSJ9", "%%", "e30"]],
  ["resourceVersion", ["0", "1", "5", "-1", "x", "99999999999"]],
  ["resourceVersionMatch", ["Exact", "NotOlderThan", "x"]],
  ["labelSelector", ["a=b", "a in (b,c)", "a in (", "!a", "a>1", "=", "a notin (b),c", "x".repeat(4000)]],
  ["fieldSelector", ["metadata.name=a", "spec.nodeName=x", "status.phase!=Running", "a", "x=y", "=,="]],
  ["dryRun", ["All", "None", ""]],
  ["fieldManager", ["me", "", "x".repeat(129), "\u0007"]],
  ["fieldValidation", ["Strict", "Warn", "Ignore", "Odd"]],
  ["force", ["true", "false", "maybe"]],
  ["propagationPolicy", ["Orphan", "Foreground", "Background", "x"]],
  ["gracePeriodSeconds", ["0", "-1", "1", "x"]],
  ["orphanDependents", ["true", "x"]],
  ["pretty", ["1", "x"]],
  ["timeout", ["1s", "1x", "0", "-5s"]],
  ["nonsense", ["1"]],
  ["__proto__", ["x"]],
];
const SUBRESOURCES: readonly string[] = [
  "status",
  "scale",
  "binding",
  "eviction",
  "ephemeralcontainers",
  "resize",
  "token",
  "approval",
  "finalize",
  "log",
  "nothing",
];

/** A value of a schema, or something like it. Depth is bounded. */
export function valueOf(schema: Schema, dice: Dice, depth: number): unknown {
  if (dice.chance(0.04)) return dice.pick(ODD);
  switch (schema.type) {
    case "string":
      return dice.chance(0.5) ? dice.pick(NAMES) : dice.pick(TEXTS);
    case "integer":
    case "number":
      return dice.pick(NUMBERS);
    case "boolean":
      return dice.chance(0.5);
    case "intOrString":
      return dice.chance(0.5) ? dice.pick(NUMBERS) : dice.pick(TEXTS);
    case "array":
      return depth <= 0 ? [] : Array.from({ length: dice.below(3) }, () => valueOf(schema.items ?? { type: "any" }, dice, depth - 1));
    case "map":
      return depth <= 0
        ? {}
        : Object.fromEntries([0, 1].map(() => [dice.pick(TEXTS), valueOf(schema.items ?? { type: "any" }, dice, depth - 1)]));
    case "object": {
      if (depth <= 0) return {};
      const value: Record<string, unknown> = {};
      for (const [name, field] of schema.fields ?? []) {
        if (dice.chance(field.required ? 0.9 : 2 / (schema.fields?.size ?? 1))) value[name] = valueOf(field.schema, dice, depth - 1);
      }
      if (dice.chance(0.05)) value[dice.pick(TEXTS)] = dice.pick(ODD);
      return value;
    }
    case "any":
      return dice.pick(ODD);
  }
}

function objectOf(kind: KindDefinition, name: string, dice: Dice): Record<string, unknown> {
  const { group, version, kind: kindName } = kind.resource;
  const value = valueOf(kind.schema, dice, 7);
  const object = typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
  if (dice.chance(0.95)) object["apiVersion"] = group === "" ? version : `${group}/${version}`;
  if (dice.chance(0.95)) object["kind"] = kindName;
  if (dice.chance(0.9)) {
    const labels = dice.chance(0.3) ? { labels: { a: "b" } } : {};
    object["metadata"] = dice.chance(0.9) ? { name, ...labels } : { generateName: "g-", finalizers: [dice.pick(TEXTS)], ...labels };
  }
  return object;
}

function patchOf(kind: KindDefinition, type: string, name: string, dice: Dice): unknown {
  if (type !== "application/json-patch+json") return objectOf(kind, name, dice);
  const length = dice.chance(0.01) ? 10_001 : dice.below(4);
  const paths = [
    "/metadata/labels",
    "/metadata/labels/a",
    "/spec",
    "/spec/replicas",
    "/a/0/-",
    "",
    "/",
    "/metadata/name",
    "/data/x~1y",
    "~",
    "/spec/containers/-1",
  ];
  return Array.from({ length }, () => ({
    op: dice.pick(["add", "remove", "replace", "test", "copy", "move", "odd"]),
    path: dice.pick(paths),
    from: dice.pick(paths),
    value: length > 10 ? 1 : dice.pick(ODD),
  }));
}

/** Damage that a network, a bug or an enemy does to bytes. */
function damage(bytes: Buffer, dice: Dice): Buffer {
  switch (dice.below(6)) {
    case 0:
      return bytes.subarray(0, dice.below(bytes.length + 1));
    case 1: {
      const copy = Buffer.from(bytes);
      for (let flips = 0; flips < 4 && copy.length > 0; flips++) copy[dice.below(copy.length)] = dice.below(256);
      return copy;
    }
    case 2:
      return Buffer.concat([bytes, bytes]);
    case 3:
      return Buffer.from(`${"[".repeat(20_000)}`);
    case 4:
      return Buffer.from(
        `a: &a [x,x,x,x,x,x,x,x,x]\n${Array.from(
          { length: 9 },
          (_, index) =>
            `a${index}: &a${index} [${Array(9)
              .fill(`*a${index === 0 ? "" : index - 1}`)
              .join(",")}]`,
        ).join("\n")}\n`,
      );
    default:
      return Buffer.concat([Buffer.from("k8s\0"), Buffer.from(Array.from({ length: dice.below(200) }, () => dice.below(256)))]);
  }
}

export function fuzzRequest(kinds: readonly KindDefinition[], dice: Dice): FuzzRequest {
  const kind = dice.pick(kinds);
  const { group, version, plural, namespaced } = kind.resource;
  const name = dice.chance(0.9) ? dice.pick(NAMES) : dice.pick(ODD_NAMES);
  const root = group === "" ? `/api/${version}` : `/apis/${group}/${version}`;
  const namespace =
    namespaced && dice.chance(0.95) ? `/namespaces/${dice.chance(0.9) ? "default" : dice.pick([...NAMES, ...ODD_NAMES])}` : "";
  const method = dice.pick(["GET", "GET", "POST", "POST", "POST", "PUT", "PUT", "PATCH", "PATCH", "PATCH", "DELETE", "OPTIONS", "BREW"]);
  const named = method !== "POST" ? dice.chance(0.85) : dice.chance(0.1);
  const subresource = named && dice.chance(0.2) ? `/${dice.pick(SUBRESOURCES)}` : "";
  let path = `${root}${namespace}/${plural}${named ? `/${name}` : ""}${subresource}`;
  if (dice.chance(0.03))
    path = dice.pick([
      path.replaceAll("/", "//"),
      `${path}/../..`,
      `/${"a/".repeat(500)}`,
      "/openapi/v3/x",
      "/apis/x/y",
      "/readyz/none",
      `${path}%2f`,
    ]);
  const query = new URLSearchParams();
  while (dice.chance(0.3)) {
    const [parameter, values] = dice.pick(PARAMETERS);
    query.append(parameter, dice.pick(values));
  }
  const isPatch = method === "PATCH";
  const type = dice.chance(0.9) ? dice.pick(isPatch ? PATCH_TYPES : CONTENT_TYPES.slice(0, 3)) : dice.pick(CONTENT_TYPES);
  const hasBody = method !== "GET" && dice.chance(method === "DELETE" ? 0.2 : 0.97);
  let body: Buffer | undefined = hasBody
    ? Buffer.from(JSON.stringify(isPatch ? patchOf(kind, type, name, dice) : objectOf(kind, name, dice)))
    : undefined;
  if (body && dice.chance(0.08)) body = damage(body, dice);
  if (body && dice.chance(0.002)) body = Buffer.alloc(3 * 1024 * 1024 + 1, "x");
  return {
    method,
    path: query.size > 0 ? `${path}?${query.toString()}` : path,
    headers: {
      ...(type === "" ? {} : { "content-type": type }),
      ...(dice.chance(0.5) ? { accept: dice.pick(ACCEPTS) } : {}),
      ...(dice.chance(0.1) ? { "accept-encoding": dice.pick(["gzip", "br", "gzip;q=0", "*"]) } : {}),
      ...(dice.chance(0.05) ? { "impersonate-user": dice.pick(["x", "system:serviceaccount:default:default", "system:admin"]) } : {}),
    },
    body,
  };
}
