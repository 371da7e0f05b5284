// Reads the npm package made from upstream's OpenAPI document: which paths are served with which methods and kinds,
// and the names, types and required-ness of all definitions (to check ours against).

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** One operation: a method on a path, and the class of what it answers with (or takes). */
export interface Operation {
  readonly path: string;
  readonly method: string;
  /** Name in the API class: `listNamespacedPod`. */
  readonly operation: string;
  /** `V1Pod`; `string` for streams. */
  readonly answer: string;
  readonly body: string | undefined;
  readonly parameters: readonly string[];
}

/** The operations of one API class, e.g. `CoreV1`. */
export function readOperations(clientNode: string, apiClass: string): Operation[] {
  const base = join(clientNode, "dist", "gen", "apis", `${apiClass}Api`);
  const source = readFileSync(`${base}.js`, "utf8");
  const types = readFileSync(`${base}.d.ts`, "utf8");
  const answers = new Map(
    [...types.matchAll(/^ {4}(\w+)WithHttpInfo\(response: ResponseContext\): Promise<HttpInfo<(\w+)/gm)].map((match) => [
      match[1] ?? "",
      match[2] ?? "",
    ]),
  );
  const bodies = new Map(
    [...types.matchAll(/^ {4}(\w+)\(([^)]*)\): Promise<RequestContext>/gm)].map((match) => [
      match[1] ?? "",
      /\bbody\??: (\w+)/.exec(match[2] ?? "")?.[1],
    ]),
  );
  const operations: Operation[] = [];
  for (const match of source.matchAll(
    /^ {4}async (\w+)\(([^)]*)\) \{[\s\S]*?const localVarPath = '([^']+)'[\s\S]*?HttpMethod\.(\w+)\)/gm,
  )) {
    const [, operation = "", parameters = "", path = "", method = ""] = match;
    operations.push({
      path,
      method,
      operation,
      answer: answers.get(operation) ?? "",
      body: bodies.get(operation),
      parameters: parameters.split(", ").map((name) => name.replace(/^_/, "")),
    });
  }
  return operations;
}

export interface ModelClass {
  readonly className: string;
  readonly attributes: ReadonlyMap<string, { readonly type: string; readonly format: string; readonly required: boolean }>;
}

/** The model class of one definition, or undefined. `candidates` are class names to try in order. */
export function readModelClass(clientNode: string, candidates: readonly string[]): ModelClass | undefined {
  for (const className of candidates) {
    const base = join(clientNode, "dist", "gen", "models", className);
    if (!existsSync(`${base}.js`)) continue;
    const list = /attributeTypeMap = (\[[\s\S]*?\n\]);/.exec(readFileSync(`${base}.js`, "utf8"))?.[1] ?? "[]";
    const declared = readFileSync(`${base}.d.ts`, "utf8");
    const optional = new Set([...declared.matchAll(/^ {4}'([^']+)'\?:/gm)].map((match) => match[1] ?? ""));
    const attributes = new Map(
      (JSON.parse(list) as { name: string; baseName: string; type: string; format: string }[]).map((entry) => [
        entry.baseName,
        { type: entry.type, format: entry.format, required: !optional.has(entry.name) },
      ]),
    );
    return { className, attributes };
  }
  return undefined;
}

/** The class names a definition may have: most are plain, names used by several groups carry the group's. */
export function classNames(group: string, version: string, name: string): string[] {
  const v = upperFirst(version);
  const label = (group === "" ? "core" : (group.split(".")[0] ?? "")).toLowerCase();
  return [`${upperFirst(label)}${v}${name}`, `${v}${name}`];
}

function upperFirst(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
