// Objects whose managed fields stay the text that they were stored as: half of a typical object, which only passes through on its way
// to a client.

import { isJsonObject } from "#lib/own-field.ts";
import { parseJson } from "./json.ts";

/** A value as its JSON text. */
export class JsonText {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** Parses a stored object, with JsonText for the fieldsV1 of its managed fields. For encoders that write such a value as it is. */
export function parseUnreadFields(text: string): unknown {
  return parseAround(text) ?? parseJson(text);
}

const MANAGED = '"managedFields":[';
const FIELDS = '"fieldsV1":{';

/** Undefined if what looks like managed fields is something else. */
function parseAround(text: string): unknown {
  let at = text.indexOf(MANAGED);
  if (at < 0) return undefined;
  const cut: JsonText[] = [];
  let rest = "";
  let kept = 0;
  for (;;) {
    at = text.indexOf(FIELDS, at);
    if (at < 0) break;
    const start = at + FIELDS.length - 1;
    const end = endOfObject(text, start);
    if (end === undefined) return undefined;
    rest += `${text.slice(kept, start)}0`;
    cut.push(new JsonText(text.slice(start, end)));
    kept = at = end;
  }
  const object = parseJson(rest + text.slice(kept));
  const metadata = isJsonObject(object) ? object["metadata"] : undefined;
  const entries = isJsonObject(metadata) ? metadata["managedFields"] : undefined;
  // Free data elsewhere in the object may have fields of these names.
  if (!Array.isArray(entries) || entries.length !== cut.length) return undefined;
  for (const [index, entry] of entries.entries()) {
    if (!isJsonObject(entry) || entry["fieldsV1"] !== 0) return undefined;
    entry["fieldsV1"] = cut[index];
  }
  return object;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN = 0x7b;
const CLOSE = 0x7d;

/** Behind the object that begins at `start`; undefined if it does not end. */
function endOfObject(text: string, start: number): number | undefined {
  let depth = 0;
  let quoted = false;
  for (let index = start; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code === QUOTE) quoted = !quoted;
    else if (quoted) {
      if (code === BACKSLASH) index++;
    } else if (code === OPEN) depth++;
    else if (code === CLOSE && --depth === 0) return index + 1;
  }
  return undefined;
}
