// The cases of scheduler_perf, each in a process of its own: an API server, a durable store and a scheduler, 5,000 nodes.

import { spawn } from "node:child_process";
import { join } from "node:path";
import { CASES } from "../scheduling-cases.ts";
import { figure, type Figure, type Measure } from "../figures.ts";

interface CaseResult {
  readonly podsPerSecond: number;
  readonly createdPerSecond: number;
  readonly mainThreadSeconds: number;
  readonly cores: number;
  readonly loadBefore: number;
  readonly residentMb: number;
}

export const schedulingCases: Measure = async ({ quick, nodeArgs }) => {
  const figures: Figure[] = [];
  for (const [name, { mark, measurePods, nodes }] of Object.entries(CASES)) {
    const scale = quick ? 10 : 1;
    const result = await run(name, quick, nodeArgs);
    const { cores, createdPerSecond, loadBefore, mainThreadSeconds, podsPerSecond, residentMb } = result;
    const perCpuSecond = Math.round(measurePods / scale / mainThreadSeconds);
    const note =
      `upstream's mark ${mark}; created ${Math.round(createdPerSecond)}/s; ${perCpuSecond} per second of the main thread's CPU time; ` +
      `cores ${cores.toFixed(2)}, load average before ${loadBefore.toFixed(1)}, ${Math.round(residentMb)} MB`;
    const of = `${(nodes / scale).toLocaleString("en")} nodes, ${(measurePods / scale).toLocaleString("en")} pods`;
    figures.push(figure(`${name}, ${of}`, podsPerSecond, "pods/s", note));
  }
  return figures;
};

async function run(name: string, quick: boolean, nodeArgs: readonly string[]): Promise<CaseResult> {
  const script = join(import.meta.dirname, "../scheduling-run.ts");
  const args = ["--disable-warning=ExperimentalWarning", ...nodeArgs, script, name, ...(quick ? ["--quick"] : [])];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  let said = "";
  child.stdout.on("data", (chunk: Buffer) => (said += chunk.toString()));
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  if (code !== 0) throw new Error(`${name} ended with ${code}`);
  return JSON.parse(said) as CaseResult; // scheduling-run.ts prints it
}
