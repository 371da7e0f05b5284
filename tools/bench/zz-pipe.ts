import { pipeline } from "/work/main/tools/bench/measures/pipeline.ts";
import { printFigure } from "/work/main/tools/bench/figures.ts";
for (const f of await pipeline({ quick: process.argv[2] === "q", nodeArgs: [] })) printFigure(f);
process.exit(0);
