// The scale subresource: an autoscaling/v1 Scale read from and written to the fields the kind names.

import { clone } from "#lib/clone.ts";
import { badRequest, conflict, field, invalid, notFound, staleObject } from "#meta/errors.ts";
import type { ScalePaths } from "#meta/kind.ts";
import type { DeepReadonly, KubeObject, LabelSelector, ObjectMeta } from "#meta/object.ts";
import { formatLabelSelector } from "#meta/selectors.ts";
import { decodeBody } from "../encoding/decode-body.ts";
import { respondValue } from "../encoding/respond.ts";
import type { ApiResponse } from "../http.ts";
import { storeKey, type ServedKind } from "../objects/served-kind.ts";
import { updateObject } from "../objects/update-object.ts";
import type { Exchange } from "../pipeline/exchange.ts";
import { readPatch } from "./patch.ts";
import { namespaceOf, writeCallOf, type VerbHandler, type VerbServer } from "./verb.ts";

interface Scale extends KubeObject {
  spec?: { replicas?: number };
  status?: { replicas?: number; selector?: string };
}

const SCALE = { group: "autoscaling", kind: "Scale" };

export const getScale: VerbHandler = async (server, kind, exchange) => {
  const { name } = exchange.info;
  const entry = await server.store.get(storeKey(kind, namespaceOf(kind, exchange), name));
  if (!entry) throw notFound(kind.resource, name);
  return respondValue(server, exchange, scaleOf(pathsOf(kind), kind.forms.decoded(entry)));
};

export const updateScale: VerbHandler = async (server, kind, exchange) => {
  const { value } = await decodeBody(server, exchange);
  if (typeof value !== "object" || value === null) throw badRequest("the object provided is unrecognized (must be of type Scale)");
  const wanted = value as Scale; // its one field that counts is checked before use
  return writeScale(server, kind, exchange, () => wanted);
};

export const patchScale: VerbHandler = async (server, kind, exchange) => {
  const apply = await readPatch(kind, exchange);
  return writeScale(server, kind, exchange, (current) => apply(current));
};

async function writeScale(
  server: VerbServer,
  kind: ServedKind,
  exchange: Exchange,
  wantedOf: (current: Scale) => Scale,
): Promise<ApiResponse> {
  const paths = pathsOf(kind);
  const { name } = exchange.info;
  const change = (object: DeepReadonly<KubeObject>): KubeObject => {
    const current = scaleOf(paths, object);
    const wanted = wantedOf(current);
    checkScale(kind, name, wanted, current);
    const next = clone(object) as KubeObject; // clone drops the read-only marks of the shared object
    // Without a version the write is unconditional, as it is for the object.
    if (!wanted.metadata?.resourceVersion) delete next.metadata?.resourceVersion;
    setPath(next, paths.specReplicas, wanted.spec?.replicas ?? 0);
    return next;
  };
  const target = { namespace: namespaceOf(kind, exchange), name, change };
  const { entry } = await updateObject(server.writes, kind, target, writeCallOf(server, exchange, "UpdateOptions"));
  return respondValue(server, exchange, scaleOf(paths, kind.forms.decoded(entry)));
}

function checkScale(kind: ServedKind, name: string, wanted: Scale, current: Scale): void {
  const { metadata } = wanted;
  if (metadata?.name && metadata.name !== name) {
    throw badRequest(`the name of the object (${metadata.name}) does not match the name on the URL (${name})`);
  }
  if (metadata?.uid && metadata.uid !== current.metadata?.uid) {
    throw conflict(
      kind.resource,
      name,
      `Precondition failed: UID in precondition: ${metadata.uid}, UID in object meta: ${current.metadata?.uid}`,
    );
  }
  if (metadata?.resourceVersion && metadata.resourceVersion !== current.metadata?.resourceVersion) throw staleObject(kind.resource, name);
  const replicas = wanted.spec?.replicas ?? 0;
  if (typeof replicas !== "number" || !Number.isInteger(replicas) || replicas < 0) {
    throw invalid(SCALE, name, [field.invalid("spec.replicas", replicas, "must be greater than or equal to 0")]);
  }
}

function scaleOf(paths: ScalePaths, object: DeepReadonly<KubeObject>): Scale {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata ?? {};
  const metadata: ObjectMeta = {};
  Object.assign(metadata, { name, namespace, uid, resourceVersion, creationTimestamp });
  const selector = paths.selector === undefined ? undefined : getPath(object, paths.selector);
  const text = typeof selector === "string" ? selector : selectorText(selector);
  return {
    kind: "Scale",
    apiVersion: "autoscaling/v1",
    metadata,
    spec: { replicas: numberAt(object, paths.specReplicas) },
    status: { replicas: numberAt(object, paths.statusReplicas), ...(text === "" ? {} : { selector: text }) },
  };
}

/** A selector's text: of a LabelSelector, or of a plain map of labels as ReplicationController has it. */
function selectorText(selector: unknown): string {
  if (typeof selector !== "object" || selector === null) return "";
  const isSelector = "matchLabels" in selector || "matchExpressions" in selector;
  const full = (isSelector ? selector : { matchLabels: selector }) as LabelSelector; // stored objects are valid
  return formatLabelSelector(full);
}

function pathsOf(kind: ServedKind): ScalePaths {
  const { scale } = kind.definition;
  if (!scale) throw notFound(kind.resource, "scale");
  return scale;
}

function numberAt(object: unknown, path: string): number {
  const value = getPath(object, path);
  return typeof value === "number" ? value : 0;
}

/** The value at a path such as `.spec.replicas`. */
function getPath(object: unknown, path: string): unknown {
  let value = object;
  for (const part of path.split(".")) {
    if (part === "") continue;
    if (typeof value !== "object" || value === null) return undefined;
    value = (value as Readonly<Record<string, unknown>>)[part];
  }
  return value;
}

function setPath(object: KubeObject, path: string, value: unknown): void {
  const parts = path.split(".").filter((part) => part !== "");
  const last = parts.pop();
  let target = object as Record<string, unknown>;
  for (const part of parts) {
    const inner = target[part];
    if (typeof inner === "object" && inner !== null) target = inner as Record<string, unknown>;
    else target = target[part] = {} as Record<string, unknown>;
  }
  if (last !== undefined) target[last] = value;
}
