// A list-and-watch server of one invented kind in memory, for tests of what needs more control than the real one gives:
// it can cut watches, lose history and refuse. Speaks the wire form over a Transport.

import type { Transport, TransportResponse } from "#client/transport.ts";
import type { AnyObject, KubeObject } from "#meta/object.ts";
import type { Resource } from "#meta/resource.ts";

/** An invented kind. */
export const Boat: Resource<AnyObject> = { group: "sea.test", version: "v1", kind: "Boat", plural: "boats", namespaced: true };

interface WireEvent {
  readonly revision: number;
  readonly line: string;
}

export interface FakeServer {
  readonly transport: Transport;
  /** Requests so far, as `list`, `watch@<version>`, `PUT name`, .... */
  readonly requests: string[];
  put(name: string, fields?: Record<string, unknown>): KubeObject;
  remove(name: string): void;
  bookmark(): void;
  /** Ends all watches without an error. */
  cut(): void;
  /** Forgets history, so that old versions are answered with 410. */
  forget(): void;
  /** The next `count` requests reject as if nobody listened. */
  refuse(count: number): void;
  /** Holds events back until released. */
  hold(): { release(): void };
}

export function createFakeServer(): FakeServer {
  const objects = new Map<string, AnyObject>();
  let history: WireEvent[] = [];
  let revision = 100;
  let compacted = 0;
  let refusals = 0;
  let held: WireEvent[] | undefined;
  const watches = new Set<{ push: (line: string) => void; end: () => void }>();
  const requests: string[] = [];
  const encoder = new TextEncoder();

  const send = (event: WireEvent) => {
    if (held) held.push(event);
    else for (const watch of watches) watch.push(event.line);
  };
  const emit = (type: string, object: KubeObject) => {
    const event = { revision, line: `${JSON.stringify({ type, object })}\n` };
    if (type !== "BOOKMARK") history.push(event);
    send(event);
  };
  const write = (name: string, fields: Record<string, unknown>): AnyObject => {
    revision++;
    const before = objects.get(name);
    const metadata = {
      ...(fields["metadata"] as object | undefined), // whatever the test says
      name,
      namespace: "sea",
      uid: before?.metadata?.uid ?? `uid-${revision}`,
      resourceVersion: String(revision),
    };
    const object: AnyObject = { apiVersion: "sea.test/v1", kind: "Boat", ...fields, metadata };
    objects.set(name, object);
    emit(before ? "MODIFIED" : "ADDED", object);
    return object;
  };
  const json = (value: unknown, status = 200): TransportResponse => ({
    status,
    headers: {},
    body: encoder.encode(JSON.stringify(value)),
  });
  const failure = (code: number, reason: string, message: string) => ({ kind: "Status", status: "Failure", code, reason, message });

  function watchFrom(version: number, signal: AbortSignal | undefined): TransportResponse {
    const waiting: string[] = history.filter((event) => event.revision > version).map((event) => event.line);
    let ended = false;
    let wake: (() => void) | undefined;
    const watch = {
      push: (line: string) => {
        waiting.push(line);
        wake?.();
      },
      end: () => {
        ended = true;
        wake?.();
      },
    };
    watches.add(watch);
    signal?.addEventListener("abort", watch.end, { once: true });
    async function* body() {
      for (;;) {
        if (waiting.length > 0) {
          // Cut in odd places, as networks do.
          const bytes = encoder.encode(waiting.splice(0).join(""));
          const middle = Math.floor(bytes.length / 3);
          yield bytes.subarray(0, middle);
          yield bytes.subarray(middle);
        } else if (ended) {
          watches.delete(watch);
          return;
        } else await new Promise<void>((resolve) => (wake = resolve));
      }
    }
    return { status: 200, headers: {}, body: body() };
  }

  return {
    requests,
    async transport(request) {
      const name = request.path.split("/boats/")[1];
      if (request.signal?.aborted) throw request.signal.reason;
      if (refusals > 0) {
        refusals--;
        requests.push("refused");
        throw new Error("connect ECONNREFUSED");
      }
      if (request.method === "PUT" && name !== undefined) {
        requests.push(`PUT ${name}`);
        return json(write(name, JSON.parse(new TextDecoder().decode(request.body)) as Record<string, unknown>)); // the client sends objects
      }
      if (request.method === "DELETE" && name !== undefined) {
        requests.push(`DELETE ${name}`);
        const object = objects.get(name);
        if (!object) return json(failure(404, "NotFound", `boats.sea.test "${name}" not found`), 404);
        this.remove(name);
        return json({ kind: "Status", apiVersion: "v1", status: "Success", details: { name, uid: object.metadata?.uid } });
      }
      if (request.query?.get("watch")) {
        const version = Number(request.query.get("resourceVersion"));
        requests.push(`watch@${version}`);
        if (version < compacted) return json(failure(410, "Expired", "too old resource version"), 410);
        return watchFrom(version, request.signal);
      }
      requests.push("list");
      return json({ kind: "BoatList", metadata: { resourceVersion: String(revision) }, items: [...objects.values()] });
    },
    put: (name, fields = {}) => write(name, fields),
    remove(name) {
      const object = objects.get(name);
      if (!object) return;
      objects.delete(name);
      revision++;
      emit("DELETED", { ...object, metadata: { ...object.metadata, resourceVersion: String(revision) } });
    },
    bookmark: () => emit("BOOKMARK", { metadata: { resourceVersion: String(++revision) } }),
    cut() {
      for (const watch of watches) watch.end();
    },
    forget() {
      history = [];
      compacted = ++revision;
    },
    refuse: (count) => void (refusals = count),
    hold() {
      held = [];
      return {
        release() {
          const events = held ?? [];
          held = undefined;
          for (const event of events) send(event);
        },
      };
    },
  };
}
