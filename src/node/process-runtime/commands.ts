// Finds a container's program before it is started, so that a missing one is reported as container runtimes word it
// instead of as an exit code of the tools in between.

import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Mount } from "../runtime.ts";

/** What is wrong with the command, in runc's words, or undefined if it can be run. */
export async function commandProblem(
  command: string,
  options: { readonly path: string; readonly cwd: string; readonly mounts: readonly Mount[] },
): Promise<string | undefined> {
  if (command.includes("/")) {
    const problem = await runnable(onHost(resolve(options.cwd, command), options.mounts));
    return problem && `exec: ${JSON.stringify(command)}: ${problem === "missing" ? `stat ${command}: no such file or directory` : problem}`;
  }
  let denied = false;
  for (const folder of options.path.split(":")) {
    const problem = await runnable(onHost(join(folder || ".", command), options.mounts));
    if (problem === undefined) return undefined;
    denied ||= problem === "permission denied";
  }
  return `exec: ${JSON.stringify(command)}: ${denied ? "permission denied" : "executable file not found in $PATH"}`;
}

async function runnable(path: string): Promise<"missing" | "permission denied" | "is a directory" | undefined> {
  const info = await stat(path).catch(() => undefined);
  if (info === undefined) return "missing";
  if (info.isDirectory()) return "is a directory";
  return await access(path, constants.X_OK).then(
    () => undefined,
    () => "permission denied" as const,
  );
}

/** Where a container's path lies on the host. */
export function onHost(path: string, mounts: readonly Mount[]): string {
  let best: Mount | undefined;
  for (const mount of mounts) {
    const inside = path === mount.containerPath || path.startsWith(`${mount.containerPath}/`);
    if (inside && mount.containerPath.length > (best?.containerPath.length ?? 0)) best = mount;
  }
  return best === undefined ? path : join(best.hostPath, path.slice(best.containerPath.length));
}
