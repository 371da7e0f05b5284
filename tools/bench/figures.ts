// What a measurement gives, and how it is printed.

import type { Load } from "./cluster.ts";

export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** What belongs to the figure: spread, load, the parts it is made of. */
  readonly note?: string;
}

/** Measures one thing; gives its figures. */
export type Measure = (settings: MeasureSettings) => Promise<readonly Figure[]>;

export interface MeasureSettings {
  /** Shorter and smaller, to see that it works. */
  readonly quick: boolean;
  /** Options for the cluster's runtime. */
  readonly nodeArgs: readonly string[];
}

export function describeLoad({ server, serverMainThread, client, others }: Load): string {
  const cores = (value: number) => value.toFixed(2);
  return `cores: server ${cores(server)} (main thread ${cores(serverMainThread)}), client ${cores(client)}, others ${cores(others)}`;
}

export function figure(name: string, value: number, unit: string, note?: string): Figure {
  const rounded = Math.abs(value) >= 100 ? Math.round(value) : Number(value.toPrecision(3));
  return note === undefined ? { name, value: rounded, unit } : { name, value: rounded, unit, note };
}

export function printFigure({ name, value, unit, note }: Figure): void {
  console.log(`  ${name.padEnd(60)} ${value.toLocaleString("en").padStart(10)} ${unit.padEnd(8)}${note === undefined ? "" : `  ${note}`}`);
}
