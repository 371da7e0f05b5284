// What `kobune up` and `kobune status` do with a cluster, in the terms of cli/.

import { CliError, EXIT } from "#cli/exit-codes.ts";
import type { KubeconfigResult, UpCluster, UpOptions } from "#cli/up.ts";
import { mergeIntoKubeconfig, readKubeconfig, transportFromKubeconfig } from "#client/node/kubeconfig.ts";
import { readText } from "#client/body.ts";
import { createLogger } from "#lib/log.ts";
import { startCluster } from "./cluster.ts";

export async function upCluster(
  options: UpOptions & { readonly dataDir: string; readonly log: (line: string) => void },
): Promise<UpCluster> {
  const { dataDir, nodes, port, runtime, store } = options;
  const log = createLogger({ level: options.verbose ? "debug" : "warn", write: options.log, now: Date.now, format: options.logFormat });
  const cluster = await startCluster({ dataDir, port, nodes, runtime, store, log }).catch((error: unknown) => {
    throw explain(error, options);
  });
  return {
    url: cluster.url,
    runtime: cluster.runtime,
    nodes: cluster.nodes.length,
    stop: () => cluster.stop(),
    async writeKubeconfig(file): Promise<KubeconfigResult> {
      const { kubeconfigEntry: entry } = cluster;
      const config = await readKubeconfig(file);
      const theirs = config?.clusters?.find(({ name }) => name === entry.name);
      if (theirs && !isOurs(theirs.cluster.server)) {
        return {
          context: entry.name,
          current: false,
          refused: `its cluster "${entry.name}" (${theirs.cluster.server}) is not one of this machine's`,
        };
      }
      const present = config?.["current-context"];
      const known = config?.contexts?.some(({ name }) => name === present) ?? false;
      // Whoever works on another cluster is not moved over to this one behind their back.
      const makeCurrent = !known || present === entry.name;
      await mergeIntoKubeconfig(file, entry, { makeCurrent });
      return { context: entry.name, current: makeCurrent };
    },
  };
}

/** A cluster called kobune that does not live on this machine was put there by somebody else. */
function isOurs(server: string): boolean {
  return /^https:\/\/127\.0\.0\.1(:\d+)?\/?$/.test(server);
}

function explain(error: unknown, options: UpOptions & { readonly dataDir: string }): unknown {
  const code = (error as { code?: unknown }).code;
  if (code === "EADDRINUSE") {
    return new CliError(
      `port ${options.port} of 127.0.0.1 is in use; take another with --port N, or any free one with --port 0`,
      EXIT.inUse,
      { cause: error },
    );
  }
  if (code === "EACCES")
    return new CliError(`no permission to listen on port ${options.port}; take one above 1023 with --port N`, EXIT.failure, {
      cause: error,
    });
  if (code === "locked")
    return new CliError(`another process uses ${options.data}; stop it with \`kobune down --data ${options.data}\``, EXIT.inUse, {
      cause: error,
    });
  if (code === "corrupt")
    return new CliError(`the store in ${options.data} is damaged: ${(error as Error).message}`, EXIT.failure, { cause: error });
  return error;
}

/** Asks /readyz as the administrator. */
export async function probeCluster(_url: string, kubeconfigFile: string): Promise<{ ready: boolean; message: string }> {
  try {
    const connection = await transportFromKubeconfig(kubeconfigFile);
    try {
      const response = await connection.transport({ method: "GET", path: "/readyz", signal: AbortSignal.timeout(5_000) });
      const message = await readText(response.body);
      return { ready: response.status === 200, message: message.trim() };
    } finally {
      await connection.close();
    }
  } catch (error) {
    return { ready: false, message: error instanceof Error ? error.message : String(error) };
  }
}
