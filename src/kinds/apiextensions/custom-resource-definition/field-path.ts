// Paths into objects as rules and selectable fields of custom resources write them: `.spec.list`, `.labels['a.b']`.

import { type Schema, valuesOf } from "./validate-structural.ts";

const ESCAPES: Readonly<Record<string, string>> = {
  a: "\u0007",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  "'": "'",
  "\\": "\\",
};

const NOWHERE = "does not refer to a valid field";
const CUT_OFF = "unexpected end of JSON path";

export interface FieldAt {
  /** The schema there; undefined where values have none of their own. */
  readonly schema: Schema | undefined;
  readonly steps: readonly string[];
}

/** What a path leads to, or what is wrong with it in upstream's words. */
export function schemaAt(root: Schema, path: string, allowBrackets: boolean): FieldAt | string {
  const tokens = tokensOf(path);
  const steps: string[] = [];
  let schema: Schema | undefined = root;
  for (let at = 0; at < tokens.length; at++) {
    const delimiter = tokens[at] ?? "";
    if (delimiter !== "." && delimiter !== "[") return `expected [ or . but got: ${delimiter}`;
    if (delimiter === "[" && !allowBrackets) return "array notation is not allowed";
    let name = tokens[++at];
    if (name === undefined) return CUT_OFF;
    if (delimiter === "[") {
      const unquoted = unquote(name);
      if (typeof unquoted !== "string") return unquoted.wrong;
      name = unquoted;
    }
    const next = childOf(schema, name);
    if (next === undefined) return NOWHERE;
    schema = next.schema;
    steps.push(name);
    if (delimiter === ".") continue;
    const end = tokens[++at];
    if (end === undefined) return CUT_OFF;
    if (end !== "]") return `expected ] but got ${end}`;
  }
  return { schema, steps };
}

function childOf(schema: Schema | undefined, name: string): { readonly schema: Schema | undefined } | undefined {
  if (schema?.properties) {
    const property = schema.properties[name];
    return property && { schema: property };
  }
  return schema?.additionalProperties === undefined ? undefined : { schema: valuesOf(schema) };
}

/** Delimiters by themselves; what is in single quotes is kept together. */
function tokensOf(path: string): string[] {
  return [...path.matchAll(/'(?:[^'\\]|\\.)*'|'[^]*$|[.[\]]|[^.[\]]+/g)].map(([token]) => token);
}

function unquote(text: string): string | { readonly wrong: string } {
  if (text.length < 2 || !text.startsWith("'") || !text.endsWith("'")) return { wrong: `expected single quoted string but got ${text}` };
  let wrong: string | undefined;
  const plain = text.slice(1, -1).replace(/\\./g, (escape) => {
    const character = ESCAPES[escape.charAt(1)];
    if (character === undefined) wrong ??= `invalid string literal: invalid escape char ${escape}`;
    return character ?? "";
  });
  return wrong === undefined ? plain : { wrong };
}
