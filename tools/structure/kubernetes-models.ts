// Reads the npm package kubernetes-models, whose declarations have the texts of fields that refer to another type, which @kubernetes/client-node lacks.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** What the fields of one definition are for, by JSON name. `models` is the package's folder; `label` the group's first part, `core` or `meta`. Empty if unknown. */
export function readFieldTexts(models: string, label: string, version: string, name: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const folder = folderOf(models, label);
  const file = folder === undefined ? "" : join(folder, version, `${name}.d.ts`);
  if (!existsSync(file)) return found;
  const body = /^export interface \w+[^{]*\{\n([\s\S]*?)\n\}/m.exec(readFileSync(file, "utf8"))?.[1] ?? "";
  for (const [, comment = "", field = ""] of body.matchAll(/\/\*\*\n((?:\s*\*(?!\/).*\n)+)\s*\*\/\n\s*"([^"]+)"\??:/g)) {
    const text = comment.replaceAll(/^\s*\* ?/gm, "").trim();
    if (text !== "") found.set(field, text);
  }
  return found;
}

function folderOf(models: string, label: string): string | undefined {
  if (label === "core") return models;
  if (label === "meta") return join(models, "../@kubernetes-models/apimachinery/apis/meta");
  const group = readdirSync(models).find((entry) => entry === label || entry.startsWith(`${label}.`));
  return group === undefined ? undefined : join(models, group);
}
