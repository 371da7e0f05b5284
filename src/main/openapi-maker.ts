// Makes OpenAPI documents in a process that ends with the work. Done here, or in a thread, it would leave 30 to 70 MB of memory behind that
// the process never gives back.

import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { DocumentJob, PackedDocument } from "#apiserver/openapi/make.ts";
import type { OpenApiOrder } from "./openapi-worker.ts";

export function openApiMaker(descriptionsFile: URL): (jobs: readonly DocumentJob[]) => Promise<PackedDocument[]> {
  return (jobs) =>
    new Promise((resolve, reject) => {
      const order: OpenApiOrder = { jobs, descriptionsFile: descriptionsFile.href };
      const child = fork(fileURLToPath(workerUrl(import.meta.url)), {
        serialization: "advanced",
        execArgv: [],
        stdio: ["ignore", "ignore", "inherit", "ipc"],
      });
      child.once("message", (documents) => {
        resolve(documents as PackedDocument[]); // what openapi-worker.ts sends
        child.disconnect();
      });
      child.once("error", reject);
      child.once("exit", (code, signal) => reject(new Error(`the process that makes OpenAPI documents ended with ${code ?? signal}`)));
      child.send(order);
      // A cluster that stops does not wait for documents.
      child.unref();
      child.channel?.unref();
    });
}

/** Beside this module's source; in a build the worker is a file of its own, this module a part of a chunk or of an entry. */
function workerUrl(self: string): URL {
  if (self.endsWith(".ts")) return new URL("./openapi-worker.ts", self);
  return new URL(/\/chunks\/[^/]+$/.test(self) ? "../openapi-worker.js" : "./openapi-worker.js", self);
}
