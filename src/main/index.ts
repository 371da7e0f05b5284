/// <reference lib="esnext.disposable" preserve="true" />
// The library: `import { startCluster } from "kobune"`.

export { startCluster, type Cluster, type ClusterOptions } from "./cluster.ts";
export { createVirtualClock, realClock, type Clock, type VirtualClock } from "#lib/clock.ts";
export type { Client } from "#client/client.ts";
export type { Resource } from "#meta/resource.ts";
export type { KubeObject, KubeList, ObjectMeta } from "#meta/object.ts";
export { ApiError, isAlreadyExists, isConflict, isForbidden, isInvalid, isNotFound } from "#meta/errors.ts";
