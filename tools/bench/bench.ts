// Measures a whole cluster from outside: `npm run bench -- [--only NAME,...] [--skip NAME,...] [--quick] [--json FILE] [--profile FOLDER]`. docs/benchmarks.md explains the figures.

import { writeFileSync } from "node:fs";
import { cpus, loadavg, release, totalmem } from "node:os";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { ensureBuilt } from "./cluster.ts";
import { printFigure, type Figure, type Measure } from "./figures.ts";
import { idle, start, tenClusters } from "./measures/process.ts";
import { listForms } from "./measures/list-forms.ts";
import { measureFieldManager } from "./measures/field-manager.ts";
import { pipeline } from "./measures/pipeline.ts";
import { applies, creates, gets, getsOverHttp1, list, memory } from "./measures/requests.ts";
import { scheduling, watch } from "./measures/flow.ts";
import { schedulingCases } from "./measures/scheduling-cases.ts";
import { kwok } from "./measures/kwok.ts";
import { scale } from "./measures/scale.ts";
import { virtualDay } from "./measures/virtual-day.ts";
import { watchers } from "./measures/watchers.ts";

const MEASURES: Readonly<Record<string, Measure>> = {
  start,
  idle,
  ten: tenClusters,
  pipeline,
  fields: measureFieldManager,
  creates,
  applies,
  memory,
  get: gets,
  get1: getsOverHttp1,
  list,
  forms: listForms,
  watch,
  watchers,
  scheduling,
  cases: schedulingCases,
  day: virtualDay,
  kwok,
  scale,
};

const { values } = parseArgs({
  options: {
    only: { type: "string" },
    skip: { type: "string" },
    json: { type: "string" },
    profile: { type: "string" },
    quick: { type: "boolean", default: false },
    help: { type: "boolean" },
  },
});
const skipped = values.skip?.split(",") ?? [];
const names = (values.only?.split(",") ?? Object.keys(MEASURES)).filter((name) => !skipped.includes(name));
const unknown = [...names, ...skipped].filter((name) => !MEASURES[name]);
if (values.help || unknown.length > 0) {
  if (unknown.length > 0) console.error(`unknown: ${unknown.join(", ")}`);
  console.log(
    `npm run bench -- [--only NAME,...] [--skip NAME,...] [--quick] [--json FILE] [--profile FOLDER]\nnames: ${Object.keys(MEASURES).join(", ")}`,
  );
  process.exit(unknown.length > 0 ? 2 : 0);
}

ensureBuilt();
// Profiles are written when a cluster stops: one of the main thread, one of the store's.
const nodeArgs = values.profile === undefined ? [] : ["--cpu-prof", "--cpu-prof-dir", resolve(values.profile)];
const machine = {
  processor: cpus()[0]?.model ?? "",
  cores: cpus().length,
  memoryGb: Math.round(totalmem() / 1e9),
  kernel: release(),
  node: process.version,
  loadBefore: loadavg().map((value) => Number(value.toFixed(2))),
};
console.log(`${machine.processor}, ${machine.cores} cores, ${machine.memoryGb} GB, Linux ${machine.kernel}, Node ${machine.node}`);
console.log(`load average before: ${machine.loadBefore.join(" ")}`);

const results: Record<string, readonly Figure[] | { error: string }> = {};
for (const name of names) {
  const measure = MEASURES[name];
  if (!measure) continue;
  console.log(`\n${name}`);
  try {
    const figures = await measure({ quick: values.quick, nodeArgs });
    results[name] = figures;
    for (const one of figures) printFigure(one);
  } catch (error) {
    // The others still tell something.
    results[name] = { error: error instanceof Error ? error.message : String(error) };
    console.error(error);
    process.exitCode = 1;
  }
}
const report = { date: new Date().toISOString(), quick: values.quick, machine, loadAfter: loadavg(), results };
if (values.json === undefined) console.log(`\n${JSON.stringify(report)}`);
else writeFileSync(values.json, `${JSON.stringify(report, undefined, 2)}\n`);
