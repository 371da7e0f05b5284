// Field selectors: `metadata.name=a,status.phase!=Running`. Which fields there are is the kind's matter, not this file's.

import { badRequest } from "./errors.ts";

export interface FieldRequirement {
  readonly field: string;
  readonly operator: "=" | "!=";
  readonly value: string;
}

/** A compiled field selector. */
export interface FieldMatcher {
  readonly requirements: readonly FieldRequirement[];
  /** An absent field counts as "". */
  matches(fields: Readonly<Record<string, string>>): boolean;
  toString(): string;
  /** True if it restricts nothing. */
  readonly empty: boolean;
  /** The one value that the field must have, if the selector says so. */
  exactly(field: string): string | undefined;
}

/** Parses the text of a `fieldSelector` parameter; throws a 400 with upstream's words. "" matches everything. */
export function parseFieldSelector(text: string): FieldMatcher {
  const requirements: FieldRequirement[] = [];
  for (const term of splitTerms(text).toSorted()) {
    if (term === "") continue;
    const parts = /^(.*?)(!=|==|=)(.*)$/s.exec(term);
    if (!parts) throw badRequest(`invalid selector: '${text}'; can't understand '${term}'`);
    const [, field = "", operator, value = ""] = parts;
    requirements.push({ field, operator: operator === "!=" ? "!=" : "=", value: unescapeFieldValue(value) });
  }
  return {
    requirements,
    matches: (fields) =>
      requirements.every(
        ({ field, operator, value }) => ((Object.hasOwn(fields, field) ? fields[field] : "") === value) === (operator === "="),
      ),
    toString: () => requirements.map(({ field, operator, value }) => `${field}${operator}${escapeFieldValue(value)}`).join(","),
    empty: requirements.length === 0,
    exactly: (field) => requirements.find((requirement) => requirement.field === field && requirement.operator === "=")?.value,
  };
}

/** Makes any text usable as a field selector's value. */
export function escapeFieldValue(value: string): string {
  return value.replace(/[\\,=]/g, (character) => `\\${character}`);
}

function unescapeFieldValue(text: string): string {
  return text.replace(/\\(.?)|[,=]/gsu, (part, escaped: string | undefined) => {
    if (escaped === undefined) throw badRequest(`invalid field selector: unescaped character in value: ${part.codePointAt(0) ?? 0}`);
    if (escaped === "\\" || escaped === "," || escaped === "=") return escaped;
    throw badRequest(`invalid field selector: invalid escape sequence: ${part}`);
  });
}

/** Splits at commas that are not escaped; escapes stay. */
function splitTerms(text: string): string[] {
  const terms: string[] = [];
  let start = 0;
  for (let index = 0; index < text.length; index++) {
    const character = text[index];
    if (character === "\\") index++;
    else if (character === ",") {
      terms.push(text.slice(start, index));
      start = index + 1;
    }
  }
  terms.push(text.slice(start));
  return terms;
}
