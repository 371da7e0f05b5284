// What the handlers of all verbs share.

import type { Clock } from "#lib/clock.ts";
import type { Logger } from "#lib/log.ts";
import { invalid, field } from "#meta/errors.ts";
import type { Store } from "#store/store.ts";
import type { Authorizer } from "../access.ts";
import type { AdmissionChain } from "../admission-chain.ts";
import type { Negotiator } from "../encoding/negotiate.ts";
import type { ProtobufBodies } from "../encoding/protobuf-body.ts";
import type { ApiResponse } from "../http.ts";
import type { ServedKind } from "../objects/served-kind.ts";
import type { WriteCall, WriteEnvironment } from "../objects/write-call.ts";
import type { Exchange } from "../pipeline/exchange.ts";
import type { WatchTicker } from "./watch-ticker.ts";

/** The means of the handlers, one per server. */
export interface VerbServer {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
  readonly random: () => number;
  readonly writes: WriteEnvironment;
  readonly admission: AdmissionChain;
  readonly negotiate: Negotiator;
  readonly watches: WatchTicker;
  readonly protobuf: ProtobufBodies;
  readonly authorizer: Authorizer;
}

export type VerbHandler = (server: VerbServer, kind: ServedKind, exchange: Exchange) => ApiResponse | Promise<ApiResponse>;

/** The namespace a request of this kind is about: "" for all, and for kinds that have none. */
export function namespaceOf(kind: ServedKind, exchange: Exchange): string {
  return kind.resource.namespaced ? exchange.info.namespace : "";
}

/** The facts of a delete that the request itself gives. `optionsKind` names them in refusals. */
export function writeCallOf(server: VerbServer, exchange: Exchange, optionsKind: string): WriteCall {
  return writeCall(server, exchange, { dryRun: isDryRun(exchange.request.query, optionsKind), manager: undefined });
}

/** The facts of a write with options that were read before. */
export function writeCall(server: VerbServer, exchange: Exchange, options: Pick<WriteCall, "dryRun" | "manager">): WriteCall {
  return {
    user: exchange.user,
    dryRun: options.dryRun,
    subresource: exchange.info.subresource,
    admission: server.admission,
    warn: (text) => void exchange.warnings.push(text),
    manager: options.manager,
  };
}

export function isDryRun(query: URLSearchParams, optionsKind: string): boolean {
  const values = query.getAll("dryRun").filter((value) => value !== "");
  if (values.length === 0) return false;
  if (values.every((value) => value === "All")) return true;
  throw invalid({ group: "meta.k8s.io", kind: optionsKind }, "", [field.notSupported("dryRun", values, ["All"])]);
}
