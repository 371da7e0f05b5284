// Creation of an object: system metadata, defaults, admission, preparation, allocation, validation, the store.

import { ApiError, alreadyExists, badRequest, invalid } from "#meta/errors.ts";
import { clone } from "#lib/clone.ts";
import { generateName } from "#meta/generate-name.ts";
import { validateObjectMeta } from "#meta/metadata-validation.ts";
import type { KubeObject, ObjectMeta } from "#meta/object.ts";
import type { AdmissionAttributes } from "../admission.ts";
import type { SelectedPlugins } from "../admission-chain.ts";
import { isWriteConflict } from "../store-errors.ts";
import { hasGeneration } from "./generation.ts";
import { storeKey, type ServedKind } from "./served-kind.ts";
import {
  allocate,
  contextOf,
  dedupOwners,
  dropEmptyFields,
  encodeForStore,
  newUid,
  trackFields,
  type WriteCall,
  type WriteEnvironment,
  type Written,
} from "./write-call.ts";

/** Upstream tries so many generated names before it gives up. */
const NAME_ATTEMPTS = 8;

/** Creates `object`, which is changed. Throws alreadyExists, invalid, what admission throws. */
export async function createObject(
  environment: WriteEnvironment,
  kind: ServedKind,
  object: KubeObject,
  namespace: string,
  call: WriteCall,
): Promise<Written> {
  const metadata: ObjectMeta = (object.metadata ??= {});
  if (metadata.resourceVersion) throw new ApiError(500, "", "resourceVersion should not be set on objects to be created");
  const base = metadata.name ? undefined : metadata.generateName;
  const admission = admit(environment, kind, object, namespace, call);
  const admitted = admission instanceof Promise ? await admission : admission;
  if (!base) return createNamed(environment, kind, object, call, admitted);
  for (let attempt = 1; ; attempt++) {
    try {
      return await createNamed(environment, kind, clone(object), call, admitted, base);
    } catch (error) {
      if (!(error instanceof NameTaken)) throw error;
      if (attempt >= NAME_ATTEMPTS) {
        throw new ApiError(
          409,
          "AlreadyExists",
          `${error.existing.message}, the server was not able to generate a unique name for the object`,
          error.existing.status.details,
        );
      }
    }
  }
}

/** A generated name was taken. Never leaves this file. */
class NameTaken extends Error {
  readonly existing: ApiError;
  constructor(existing: ApiError) {
    super(existing.message);
    this.existing = existing;
  }
}

interface Admitted {
  readonly plugins: SelectedPlugins | undefined;
  readonly attributes: AdmissionAttributes | undefined;
}

/** What is done once, however many names are tried: up to mutating admission, which changes `object`. */
function admit(
  environment: WriteEnvironment,
  kind: ServedKind,
  object: KubeObject,
  namespace: string,
  call: WriteCall,
): Admitted | Promise<Admitted> {
  const { definition, resource } = kind;
  const metadata = fillSystemMetadata(environment, kind, object, namespace);
  dedupOwners(metadata, call.warn, false);
  definition.default?.(object);
  trackFields(environment, kind, call, undefined, object);
  const plugins = call.admission?.select("CREATE", resource, call.subresource === "*" ? "" : call.subresource);
  const attributes: AdmissionAttributes | undefined = plugins && {
    operation: "CREATE",
    resource,
    subresource: call.subresource,
    namespace: kind.resource.namespaced ? namespace : "",
    name: metadata.name ?? "",
    object,
    oldObject: undefined,
    user: call.user,
    dryRun: call.dryRun,
    warn: call.warn,
  };
  const admitted: Admitted = { plugins, attributes };
  if (!attributes || !plugins?.mutate) return admitted;
  return plugins.mutate(attributes).then(() => {
    dedupOwners(metadata, call.warn, true);
    return admitted;
  });
}

async function createNamed(
  environment: WriteEnvironment,
  kind: ServedKind,
  object: KubeObject,
  call: WriteCall,
  { plugins, attributes }: Admitted,
  base?: string,
): Promise<Written> {
  const { definition, resource } = kind;
  const metadata: ObjectMeta = (object.metadata ??= {});
  if (base !== undefined) metadata.name = generateName(base, environment.random);
  if (kind.hasStatus && !definition.statusOnCreate && call.subresource !== "*") delete (object as { status?: unknown }).status;
  delete metadata.generation;
  if (hasGeneration(definition)) metadata.generation = 1;
  definition.prepare?.(object, undefined, contextOf(environment, call));

  const allocators = environment.allocators(kind);
  const taken = allocators.length > 0 ? await allocate(environment, kind, object, undefined, call.dryRun) : undefined;
  try {
    const errors = [
      ...validateObjectMeta(metadata, undefined, { namespaced: resource.namespaced, nameRule: definition.nameRule }),
      ...(definition.validate?.(object, undefined, { subresource: call.subresource === "*" ? "" : call.subresource }) ?? []),
    ];
    if (errors.length > 0) throw invalid(resource, metadata.name ?? "", errors);
    for (const warning of definition.warnings?.(object, undefined, { subresource: "" }) ?? []) call.warn(warning);
    if (attributes && plugins?.validate) await plugins.validate({ ...attributes, name: metadata.name ?? "", object });

    const name = metadata.name ?? "";
    const key = storeKey(kind, metadata.namespace ?? "", name);
    const value = encodeForStore(kind, object, call);
    if (call.dryRun) {
      if (await environment.store.get(key)) throw await existing(environment, kind, key, name);
      return { entry: { key, value, revision: 0, createRevision: 0 }, created: true };
    }
    const entry = await environment.store.put(key, value, 0);
    await taken?.commit();
    return { entry, created: true };
  } catch (error) {
    await taken?.rollback();
    if (!isWriteConflict(error)) throw error;
    const name = metadata.name ?? "";
    const refusal = await existing(environment, kind, storeKey(kind, metadata.namespace ?? "", name), name);
    throw base === undefined ? refusal : new NameTaken(refusal);
  } finally {
    if (call.dryRun) await taken?.rollback();
  }
}

/** The 409 for a name that is taken; it says so if the object that has it is going away. */
async function existing(environment: WriteEnvironment, kind: ServedKind, key: string, name: string): Promise<ApiError> {
  const error = alreadyExists(kind.resource, name);
  const entry = await environment.store.get(key);
  if (!entry || kind.forms.decoded(entry).metadata?.deletionTimestamp === undefined) return error;
  return new ApiError(error.code, error.reason, `object is being deleted: ${error.message}`, error.status.details);
}

/** What the server alone sets. The object's namespace becomes the request's. */
function fillSystemMetadata(environment: WriteEnvironment, kind: ServedKind, object: KubeObject, namespace: string): ObjectMeta {
  const {
    name,
    generateName: base,
    namespace: own,
    labels,
    annotations,
    ownerReferences,
    finalizers,
    managedFields,
  } = object.metadata ?? {};
  if (kind.resource.namespaced && own && own !== namespace) {
    throw badRequest("the namespace of the provided object does not match the namespace sent on the request");
  }
  const metadata: ObjectMeta = {
    ...(name ? { name } : {}),
    ...(base ? { generateName: base } : {}),
    ...(kind.resource.namespaced ? { namespace } : {}),
    uid: newUid(environment),
    creationTimestamp: environment.now(),
    ...(labels ? { labels } : {}),
    ...(annotations ? { annotations } : {}),
    ...(ownerReferences ? { ownerReferences } : {}),
    ...(finalizers ? { finalizers } : {}),
    ...(managedFields ? { managedFields } : {}),
  };
  dropEmptyFields(metadata);
  object.metadata = metadata;
  return metadata;
}
