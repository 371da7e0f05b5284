// Names that the server makes up, from an alphabet that spells no words.

const ALPHABET = "bcdfghjklmnpqrstvwxz2456789";
const SUFFIX_LENGTH = 5;
const MAX_NAME_LENGTH = 63;

/** `base` and five random characters; a base that would make the name longer than 63 is cut. `random` gives [0, 1). */
export function generateName(base: string, random: () => number): string {
  return base.slice(0, MAX_NAME_LENGTH - SUFFIX_LENGTH) + randomText(SUFFIX_LENGTH, random);
}

/** Random characters of the safe alphabet. */
export function randomText(length: number, random: () => number): string {
  let text = "";
  for (let index = 0; index < length; index++) text += ALPHABET.charAt(Math.floor(random() * ALPHABET.length));
  return text;
}

/** Maps each character to one of the safe alphabet: how hashes become parts of names. */
export function safeEncode(text: string): string {
  let encoded = "";
  for (const character of text) encoded += ALPHABET.charAt((character.codePointAt(0) ?? 0) % ALPHABET.length);
  return encoded;
}
