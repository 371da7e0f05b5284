// Warning headers: what a client is told beside the answer, in upstream's form and within its limits.

/** Past so many characters of text in all, each text is cut. */
const MAX_CHARACTERS = 4 * 1024;
const MAX_CUT_CHARACTERS = 256;

/** The header's value; undefined if there is nothing to tell. Each text is told once. */
export function warningHeader(texts: readonly string[]): string | undefined {
  if (texts.length === 0) return undefined;
  const different = [...new Set(texts)].filter((text) => text !== "").map((text) => Array.from(text));
  const length = different.reduce((sum, text) => sum + text.length, 0);
  const values: string[] = [];
  let written = 0;
  for (const text of different) {
    const shown = length > MAX_CHARACTERS ? text.slice(0, MAX_CUT_CHARACTERS) : text;
    if (length > MAX_CHARACTERS && written >= MAX_CHARACTERS) break;
    written += shown.length;
    values.push(warningValue(shown.join("")));
  }
  return values.length === 0 ? undefined : values.join(", ");
}

/** RFC 7234's form, as upstream writes it. */
function warningValue(text: string): string {
  const escaped = text.replace(/\p{Cc}/gu, " ").replace(/[\\"]/g, "\\$&");
  // Header values are bytes of Latin-1; anything else is sent as UTF-8 in its place.
  return `299 - "${Buffer.from(escaped, "utf8").toString("latin1")}"`;
}
