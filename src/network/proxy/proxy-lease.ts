// How a proxy tells the rest of the cluster how far it is: a Lease with the revision of the EndpointSlices it has
// applied. A node agent that wants to stop a pod waits for it (src/node/endpoint-drain.ts reads what this writes).

import type { Client } from "#client/client.ts";
import { Lease } from "#kinds/api/coordination-v1.gen.ts";
import type { Clock, Timer } from "#lib/clock.ts";
import type { Logger } from "#lib/log.ts";
import { isAlreadyExists, isNotFound } from "#meta/errors.ts";
import { makeKey } from "#meta/object.ts";

export const PROXY_LEASE_NAMESPACE = "kube-system";
export const PROXY_LEASE_LABEL = "kobune.dev/component";
export const PROXY_LEASE_COMPONENT = "service-proxy";
/** The store revision up to which the proxy has applied EndpointSlices. */
export const APPLIED_REVISION_ANNOTATION = "kobune.dev/applied-revision";

const DURATION_SECONDS = 40;
const RENEW_MS = 10_000;
/** After a write that failed. */
const RETRY_MS = 500;

export interface ProxyLease {
  /** Says that all EndpointSlices up to `revision` are applied. Reports of one turn are written as one. */
  report(revision: number): void;
  /** Deletes the lease, so that nobody waits for a proxy that is gone. */
  close(): Promise<void>;
}

export function keepProxyLease(options: { client: Client; clock: Clock; log: Logger; name: string }): ProxyLease {
  const { client, clock, log, name } = options;
  const key = makeKey(PROXY_LEASE_NAMESPACE, name);
  let applied = 0;
  let reported = -1;
  let writing: Promise<void> | undefined;
  let closed = false;
  let timer: Timer | undefined;
  let retry: Timer | undefined;

  const lease = (): Lease => ({
    apiVersion: "coordination.k8s.io/v1",
    kind: "Lease",
    metadata: {
      name,
      namespace: PROXY_LEASE_NAMESPACE,
      labels: { [PROXY_LEASE_LABEL]: PROXY_LEASE_COMPONENT },
      annotations: { [APPLIED_REVISION_ANNOTATION]: String(applied) },
    },
    spec: { holderIdentity: name, leaseDurationSeconds: DURATION_SECONDS, renewTime: microTime(clock.now()) },
  });
  const write = async () => {
    const revision = applied;
    const { metadata, spec } = lease();
    try {
      await client.patch(Lease, key, { metadata: { annotations: metadata?.annotations }, spec });
    } catch (error) {
      if (!isNotFound(error)) throw error;
      await client.create(Lease, lease()).catch((failure: unknown) => {
        // Another write of ours won; the next renewal brings the revision up to date.
        if (!isAlreadyExists(failure)) throw failure;
      });
    }
    reported = revision;
  };
  const flush = () => {
    writing ??= write()
      .then(
        () => true,
        (error: unknown) => {
          log.debug("proxy lease not written", { error: String(error) });
          return false;
        },
      )
      .then((isWritten) => {
        writing = undefined;
        if (closed || applied <= reported) return;
        if (isWritten) flush();
        else retry ??= clock.after(RETRY_MS, retryNow);
      });
  };
  const retryNow = () => {
    retry = undefined;
    if (!closed) flush();
  };
  const renew = () => {
    if (closed) return;
    flush();
    timer = clock.after(RENEW_MS, renew);
  };
  renew();
  return {
    report(revision) {
      if (revision <= applied) return;
      applied = revision;
      if (!closed) flush();
    },
    async close() {
      closed = true;
      timer?.cancel();
      retry?.cancel();
      await writing;
      await client.delete(Lease, key).catch(() => {});
    },
  };
}

function microTime(ms: number): string {
  return new Date(ms).toISOString().replace("Z", "000Z");
}
