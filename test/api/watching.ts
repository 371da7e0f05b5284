// Watches of a server in this process, as a client over HTTP would see them.

import assert from "node:assert/strict";
import type { ApiServer } from "#apiserver/api-server.ts";
import { inProcessTransport } from "#apiserver/in-process.ts";
import type { AnyObject, ObjectMeta } from "#meta/object.ts";
import { ADMIN } from "#harness/builtin-server.ts";

export interface WatchEvent {
  readonly type: string;
  readonly object: AnyObject & {
    readonly metadata: ObjectMeta;
    readonly code?: number;
    readonly reason?: string;
    readonly message?: string;
  };
}

export interface Watching extends Disposable {
  readonly status: number;
  /** The next event; undefined once the server has ended the watch. Fails after some seconds. */
  next(): Promise<WatchEvent | undefined>;
  /** So many events, each as `TYPE name`. */
  take(count: number): Promise<string[]>;
}

export async function openWatch(server: ApiServer, target: string, headers: Readonly<Record<string, string>> = {}): Promise<Watching> {
  const [path = "", query = ""] = target.split("?");
  const controller = new AbortController();
  const transport = inProcessTransport(server, ADMIN);
  const answer = await transport({ method: "GET", path, query: new URLSearchParams(query), headers, signal: controller.signal });
  const lines = linesOf(answer.body instanceof Uint8Array ? [answer.body] : (answer.body ?? []));
  const next = async (): Promise<WatchEvent | undefined> => {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`no event of ${target}`)), 5000);
    });
    const { value } = await Promise.race([lines.next(), late]).finally(() => clearTimeout(timer));
    return value === undefined ? undefined : (JSON.parse(value) as WatchEvent);
  };
  return {
    status: answer.status,
    next,
    async take(count) {
      const seen: string[] = [];
      while (seen.length < count) {
        const event = await next();
        assert.ok(event, `the watch ended after ${seen.join(", ")}`);
        seen.push(`${event.type} ${event.object.metadata.name ?? ""}`.trim());
      }
      return seen;
    },
    [Symbol.dispose]: () => controller.abort(),
  };
}

async function* linesOf(body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): AsyncGenerator<string, undefined> {
  let rest = "";
  for await (const chunk of body) {
    rest += Buffer.from(chunk).toString("utf8");
    for (let end = rest.indexOf("\n"); end >= 0; end = rest.indexOf("\n")) {
      yield rest.slice(0, end);
      rest = rest.slice(end + 1);
    }
  }
  return undefined;
}
