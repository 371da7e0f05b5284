// The `kobune` command's composition root: the machine's clock, streams and signals, and the cluster, handed to cli/.

import { enableCompileCache } from "node:module";

enableCompileCache();
const { runProgram } = await import("#cli/program.ts");
const { createProgress } = await import("#cli/progress.ts");
const { upCluster, probeCluster } = await import("./up-cluster.ts");
const { KUBERNETES_VERSION, VERSION } = await import("./version.ts");

const stopSignal = new Promise<NodeJS.Signals>((resolve) => {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => resolve(signal));
});

process.exitCode = await runProgram(process.argv.slice(2), {
  version: VERSION,
  kubernetesVersion: KUBERNETES_VERSION,
  out: (line) => void process.stdout.write(`${line}\n`),
  err: (line) => void process.stderr.write(`${line}\n`),
  progress: createProgress(process.stderr),
  elapsedMs: () => performance.now(),
  start: upCluster,
  stopSignal,
  self: [process.execPath, ...process.execArgv, process.argv[1] ?? ""],
  probe: probeCluster,
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
});
// Whatever holds the loop open now is not worth waiting for.
process.exit();
