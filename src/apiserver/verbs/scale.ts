// The scale subresource: an autoscaling/v1 Scale read from and written to the fields the kind names.

import { clone } from "#lib/clone.ts";
import { conflict, field, invalid, notFound, staleObject } from "#meta/errors.ts";
import type { Column, ScalePaths } from "#meta/kind.ts";
import type { DeepReadonly, KubeObject, LabelSelector, ManagedFieldsEntry, ObjectMeta } from "#meta/object.ts";
import { formatLabelSelector } from "#meta/selectors.ts";
import { ageColumn, nameColumn } from "#meta/table.ts";
import { decodeObject } from "../encoding/decode-body.ts";
import { respondObject } from "../encoding/respond.ts";
import type { ApiResponse } from "../http.ts";
import { managersAfterScale, SCALE, type Scale, scaleManagers } from "../objects/scale-kind.ts";
import { storeKey, type ServedKind } from "../objects/served-kind.ts";
import { updateObject } from "../objects/update-object.ts";
import type { WriteCall } from "../objects/write-call.ts";
import type { Exchange } from "../pipeline/exchange.ts";
import { applier, readConfiguration } from "./apply.ts";
import { patchTypeOf } from "./patch-type.ts";
import { checkPatched, readPatch } from "./patch.ts";
import { checkName } from "./update.ts";
import { namespaceOf, writeCall, type VerbHandler, type VerbServer } from "./verb.ts";
import { readWriteOptions, type WriteOptions } from "./write-options.ts";

export const getScale: VerbHandler = async (server, kind, exchange) => {
  const { name } = exchange.info;
  const entry = await server.store.get(storeKey(kind, namespaceOf(kind, exchange), name));
  if (!entry) throw notFound(kind.resource, name);
  return respondScale(server, kind, exchange, scaleOf(pathsOf(kind), kind.forms.decoded(entry)));
};

export const updateScale: VerbHandler = async (server, kind, exchange) => {
  const options = readWriteOptions(exchange, "UpdateOptions");
  const wanted: Scale = await decodeObject(server, SCALE, exchange, options.fieldValidation);
  return writeScale(server, kind, exchange, { options, isPatch: false, make: () => clone(wanted) });
};

export const patchScale: VerbHandler = async (server, kind, exchange) => {
  const type = patchTypeOf(kind, exchange);
  const options = readWriteOptions(exchange, "PatchOptions", type === "apply");
  if (type === "apply") {
    const fields = server.writes.fields?.scale();
    if (!fields) throw new TypeError("a server without field managers cannot apply");
    const configuration = await readConfiguration(exchange, options.fieldValidation);
    const apply = applier(server, fields, exchange, options);
    return writeScale(server, kind, exchange, { options, isPatch: true, isApply: true, make: (current) => apply(current, configuration) });
  }
  const merge = await readPatch(exchange, type, SCALE.schema, options.fieldValidation);
  const make = (current: Scale): Scale => {
    const next = merge.apply(current);
    checkPatched(server, SCALE, exchange, next, merge, options.fieldValidation);
    return next;
  };
  return writeScale(server, kind, exchange, { options, isPatch: true, make });
};

const COLUMNS: readonly Column<Scale>[] = [
  nameColumn,
  { name: "Desired", type: "integer", value: (scale) => scale.spec?.replicas ?? 0 },
  { name: "Available", type: "integer", value: (scale) => scale.status?.replicas ?? 0 },
  ageColumn,
];

/** A Scale in the form that was asked, also as a table. */
function respondScale(server: VerbServer, kind: ServedKind, exchange: Exchange, scale: Scale): ApiResponse | Promise<ApiResponse> {
  const { resource, definition } = kind;
  const shown: ServedKind = {
    ...kind,
    apiVersion: SCALE.apiVersion,
    resource: { ...resource, group: "autoscaling", version: SCALE.version, kind: SCALE.kind },
    definition: { ...definition, columns: COLUMNS as readonly Column<KubeObject>[] }, // their cells are given Scales only
  };
  return respondObject(server, shown, exchange, scale);
}

interface ScaleWrite {
  readonly options: WriteOptions;
  readonly isPatch: boolean;
  /** Its managedFields are made already. */
  readonly isApply?: boolean;
  /** The Scale to write, from the current one, which stays as it is. */
  readonly make: (current: Scale) => Scale;
}

async function writeScale(server: VerbServer, kind: ServedKind, exchange: Exchange, write: ScaleWrite): Promise<ApiResponse> {
  const paths = pathsOf(kind);
  const { name } = exchange.info;
  const call = writeCall(server, exchange, write.options);
  const change = async (object: DeepReadonly<KubeObject>): Promise<KubeObject> => {
    const entries = object.metadata?.managedFields as ManagedFieldsEntry[] | undefined; // only read
    const current = scaleOf(paths, object);
    const managers = scaleManagers(entries, paths.specReplicas);
    if (managers.length > 0) (current.metadata ??= {}).managedFields = managers;
    const wanted = write.make(current);
    const metadata = (wanted.metadata ??= {});
    checkName(wanted, namespaceOf(kind, exchange), name);
    // Only the replicas can be written.
    wanted.status = clone(current.status ?? {});
    wanted.spec ??= {};
    wanted.spec.replicas ??= 0;
    if (!write.isApply) {
      const writer = { manager: write.options.manager, subresource: "scale", now: server.writes.now() };
      server.writes.fields?.scale().track(current, wanted, writer);
    }
    await admit(server, kind, exchange, call, wanted, current);
    checkScale(kind, name, wanted, current);
    const next = clone(object) as KubeObject; // clone drops the read-only marks of the shared object
    const meta = (next.metadata ??= {});
    // Without a version the write is unconditional, as it is for the object.
    if (metadata.resourceVersion) meta.resourceVersion = metadata.resourceVersion;
    else delete meta.resourceVersion;
    if (server.writes.fields) {
      const after = managersAfterScale(entries, metadata.managedFields, paths.specReplicas, kind.apiVersion);
      if (after.length > 0) meta.managedFields = after;
      else delete meta.managedFields;
    }
    setPath(next, paths.specReplicas, wanted.spec.replicas);
    return next;
  };
  // Admission has seen the Scale: the object that it scales is the server's own matter, and so are its managers.
  const target = { namespace: namespaceOf(kind, exchange), name, change, isPatch: write.isPatch };
  const { entry } = await updateObject(server.writes, kind, target, { ...call, admission: undefined, manager: undefined });
  return respondScale(server, kind, exchange, servedScale(paths, kind.forms.decoded(entry)));
}

async function admit(
  server: VerbServer,
  kind: ServedKind,
  exchange: Exchange,
  call: WriteCall,
  object: Scale,
  oldObject: Scale,
): Promise<void> {
  const { mutate, validate } = server.admission.select("UPDATE", kind.resource, "scale");
  if (!mutate && !validate) return;
  const { user, dryRun, warn } = call;
  const attributes = {
    operation: "UPDATE",
    resource: kind.resource,
    subresource: "scale",
    namespace: namespaceOf(kind, exchange),
    name: exchange.info.name,
    object,
    oldObject,
    user,
    dryRun,
    warn,
  } as const;
  await mutate?.(attributes);
  await validate?.(attributes);
}

/** A Scale as clients see it, with who manages its replicas. */
function servedScale(paths: ScalePaths, object: DeepReadonly<KubeObject>): Scale {
  const scale = scaleOf(paths, object);
  const managers = scaleManagers(object.metadata?.managedFields as ManagedFieldsEntry[] | undefined, paths.specReplicas); // only read
  if (managers.length > 0) (scale.metadata ??= {}).managedFields = managers;
  return scale;
}

function checkScale(kind: ServedKind, name: string, wanted: Scale, current: Scale): void {
  const { metadata } = wanted;
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
