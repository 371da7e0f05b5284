// The real Helm beside the real kubectl, both in the test's own HOME.

import { spawn } from "node:child_process";
import { join } from "node:path";
import type { Kubectl, RunResult } from "#harness/cluster.ts";
import { helmPath } from "#harness/kubectl.ts";

export const chart = (name: "harbour" | "ferry"): string => join(import.meta.dirname, "charts", name);

export interface Helm {
  /** Resolves to stdout; rejects with stderr if helm fails. */
  (...args: string[]): Promise<string>;
  /** stderr of a helm that has to fail. */
  fails(...args: string[]): Promise<string>;
  /** `-o json` of what the arguments ask for. */
  json<T>(...args: string[]): Promise<T>;
}

export interface Release {
  readonly name: string;
  readonly namespace: string;
  readonly revision: string;
  readonly status: string;
  readonly chart: string;
}

/** helm that talks to the cluster of `kubectl`'s kubeconfig. */
export function createHelm(kubectl: Kubectl): Helm {
  const env = { PATH: process.env["PATH"] ?? "", HOME: kubectl.home, KUBECONFIG: join(kubectl.home, "kubeconfig") };
  const run = (args: readonly string[]) =>
    new Promise<RunResult>((resolve, reject) => {
      const child = spawn(helmPath(), args, { env, cwd: kubectl.home, stdio: ["ignore", "pipe", "pipe"], timeout: 60_000 });
      const output = { stdout: "", stderr: "" };
      for (const name of ["stdout", "stderr"] as const)
        child[name].setEncoding("utf8").on("data", (text: string) => (output[name] += text));
      child.once("error", reject);
      child.once("close", (code) => resolve({ code: code ?? 137, ...output }));
    });
  const succeed = async (...args: string[]) => {
    const { code, stdout, stderr } = await run(args);
    if (code !== 0) throw new Error(`helm ${args.join(" ")}: exit ${code}: ${stderr}`);
    return stdout;
  };
  return Object.assign(succeed, {
    async fails(...args: string[]) {
      const { code, stdout, stderr } = await run(args);
      if (code === 0) throw new Error(`helm ${args.join(" ")} did not fail: ${stdout}`);
      return stderr;
    },
    async json<T>(...args: string[]) {
      return JSON.parse(await succeed(...args, "-o", "json")) as T;
    },
  });
}
