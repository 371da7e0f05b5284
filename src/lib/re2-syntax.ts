// Whether a text is a regular expression in RE2's syntax, which is what the API's patterns are written in. What RE2 leaves
// out (looking around, back references) is wrong here though JavaScript knows it. Words are those of Go's parser.

const MAX_REPEAT = 1000;
const MAX_DEPTH = 1000;
const POSIX: ReadonlySet<string> = new Set(
  "alnum alpha ascii blank cntrl digit graph lower print punct space upper word xdigit".split(" "),
);

class SyntaxProblem extends Error {}

/** What is wrong with a pattern; undefined if nothing. */
export function wrongPattern(pattern: string): string | undefined {
  try {
    new Parser(pattern).parse();
    return undefined;
  } catch (error) {
    if (error instanceof SyntaxProblem) return `error parsing regexp: ${error.message}`;
    throw error;
  }
}

const fail = (problem: string, part: string): never => {
  throw new SyntaxProblem(`${problem}: \`${part}\``);
};

/** An open group, or the whole. */
interface Frame {
  /** How often the last operand may be repeated in all; undefined: there is none to repeat. */
  last: number | undefined;
  /** The most of all operands before. */
  most: number;
}

class Parser {
  readonly #text: string;
  readonly #frames: Frame[] = [{ last: undefined, most: 1 }];
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  parse(): void {
    const text = this.#text;
    /** Where the repetition began that ends here. */
    let repeated: number | undefined;
    while (this.#at < text.length) {
      const start = this.#at;
      const before = repeated;
      repeated = undefined;
      const character = text.charAt(start);
      if (character === "(") this.#open();
      else if (character === ")") this.#close();
      else if (character === "|") {
        this.#at++;
        this.#end();
      } else if (character === "[") {
        this.#class();
        this.#operand();
      } else if (character === "*" || character === "+" || character === "?") {
        this.#at++;
        this.#repeat(start, before, undefined);
        repeated = start;
      } else if (character === "{") {
        const bounds = this.#bounds();
        if (bounds) {
          this.#repeat(start, before, bounds);
          repeated = start;
        } else {
          this.#at++;
          this.#operand();
        }
      } else if (character === "\\") this.#backslash();
      else {
        this.#rune();
        this.#operand();
      }
    }
    if (this.#frames.length > 1) fail("missing closing )", text);
  }

  get #frame(): Frame {
    return this.#frames.at(-1) ?? { last: undefined, most: 1 };
  }

  #operand(times = 1): void {
    const frame = this.#frame;
    frame.most = Math.max(frame.most, frame.last ?? 1);
    frame.last = times;
  }

  #end(): void {
    this.#operand();
    this.#frame.last = undefined;
  }

  #rune(): string {
    const character = String.fromCodePoint(this.#text.codePointAt(this.#at) ?? 0);
    this.#at += character.length;
    return character;
  }

  #open(): void {
    const start = this.#at;
    const rest = this.#text.slice(start);
    if (!rest.startsWith("(?")) this.#at++;
    else if ((rest.startsWith("(?P<") && rest.length > 4) || (rest.startsWith("(?<") && rest.length > 3)) this.#name(rest);
    else if (!this.#flags(start)) return;
    this.#frames.push({ last: undefined, most: 1 });
    if (this.#frames.length > MAX_DEPTH) fail("expression nests too deeply", this.#text);
  }

  #name(rest: string): void {
    const end = rest.indexOf(">");
    if (end < 0) fail("invalid named capture", rest);
    if (!/^[A-Za-z0-9_]+$/.test(rest.slice(rest.indexOf("<") + 1, end))) fail("invalid named capture", rest.slice(0, end + 1));
    this.#at += end + 1;
  }

  /** True: they are those of a group. */
  #flags(start: number): boolean {
    this.#at += 2;
    let negated = false;
    let any = false;
    while (this.#at < this.#text.length) {
      const character = this.#rune();
      if ("imsU".includes(character)) any = true;
      else if (character === "-" && !negated) {
        negated = true;
        any = false;
      } else if ((character === ":" || character === ")") && (!negated || any)) return character === ":";
      else break;
    }
    return fail("invalid or unsupported Perl syntax", this.#text.slice(start, this.#at));
  }

  #close(): void {
    this.#at++;
    const inner = this.#frames.length > 1 ? this.#frames.pop() : undefined;
    if (!inner) return fail("unexpected )", this.#text);
    this.#operand(Math.max(inner.most, inner.last ?? 1));
  }

  #repeat(start: number, before: number | undefined, bounds: readonly [number, number] | undefined): void {
    if (bounds) {
      const [min, max] = bounds;
      if (min < 0 || min > MAX_REPEAT || max > MAX_REPEAT || (max >= 0 && min > max)) this.#badCount(start);
    }
    if (this.#text[this.#at] === "?") this.#at++;
    if (before !== undefined) fail("invalid nested repetition operator", this.#text.slice(before, this.#at));
    const frame = this.#frame;
    if (frame.last === undefined) return fail("missing argument to repetition operator", this.#text.slice(start, this.#at));
    if (!bounds) return;
    const [min, max] = bounds;
    frame.last *= max < 0 ? Math.max(min, 1) : max;
    if ((min >= 2 || max >= 2) && frame.last > MAX_REPEAT) this.#badCount(start);
  }

  #badCount(start: number): void {
    fail("invalid repeat count", this.#text.slice(start, this.#at));
  }

  /** `{2}`, `{2,}`, `{2,3}`; what is none of these is text. */
  #bounds(): readonly [number, number] | undefined {
    const match = /^\{(0|[1-9]\d*)(,(0|[1-9]\d*)?)?\}/.exec(this.#text.slice(this.#at));
    if (!match) return undefined;
    this.#at += match[0].length;
    const min = Number(match[1]);
    return [min, match[2] === undefined ? min : match[3] === undefined ? -1 : Number(match[3])];
  }

  #backslash(): void {
    const start = this.#at;
    const next = this.#text[start + 1] ?? "";
    if (next === "C") fail("invalid escape sequence", "\\C");
    if (next === "Q") {
      const end = this.#text.indexOf("\\E", start + 2);
      const stop = end < 0 ? this.#text.length : end;
      this.#at = end < 0 ? stop : end + 2;
      if (stop > start + 2) this.#operand();
      return;
    }
    if (next !== "" && "AbBz".includes(next)) this.#at += 2;
    else if (!this.#group()) this.#escape();
    this.#operand();
  }

  /** A class by its letter or its Unicode name: `\d`, `\pL`, `\p{Greek}`. */
  #group(): boolean {
    const rest = this.#text.slice(this.#at);
    if (/^\\[dDsSwW]/.test(rest)) {
      this.#at += 2;
      return true;
    }
    if (!/^\\[pP]./su.test(rest)) return false;
    const match = /^\\[pP](?:\{([^}]*)\}|([^{]))/su.exec(rest);
    if (!match) return fail("invalid character class range", rest);
    const name = (match[1] ?? match[2] ?? "").replace(/^\^/, "");
    if (!isUnicodeClass(name)) fail("invalid character class range", match[0]);
    this.#at += match[0].length;
    return true;
  }

  /** One character written with a backslash. */
  #escape(): number {
    const start = this.#at;
    this.#at++;
    if (this.#at >= this.#text.length) fail("trailing backslash at end of expression", "");
    const character = this.#rune();
    const simple = "afnrtv".indexOf(character);
    if (simple >= 0) return [7, 12, 10, 13, 9, 11][simple] ?? 0;
    const rest = this.#text.slice(this.#at);
    const octal = /^(?:0[0-7]{0,2}|[1-7][0-7]{1,2})/.exec(character + rest)?.[0];
    if (octal !== undefined) {
      this.#at += octal.length - 1;
      return Number.parseInt(octal, 8);
    }
    if (character === "x") return this.#hex(start);
    if (character < "\u0080" && !/[A-Za-z0-9]/.test(character)) return character.charCodeAt(0);
    return fail("invalid escape sequence", this.#text.slice(start, this.#at));
  }

  #hex(start: number): number {
    const match = /^(?:\{([0-9A-Fa-f]+)\}|([0-9A-Fa-f]{2}))/.exec(this.#text.slice(this.#at));
    const value = Number.parseInt(match?.[1] ?? match?.[2] ?? "", 16);
    if (match && value <= 0x10ffff) {
      this.#at += match[0].length;
      return value;
    }
    // As far as it was read.
    const read = /^(?:\{[0-9A-Fa-f]*[^]?|[^]{0,2})/.exec(this.#text.slice(this.#at))?.[0] ?? "";
    return fail("invalid escape sequence", this.#text.slice(start, this.#at + read.length));
  }

  #class(): void {
    const start = this.#at;
    this.#at++;
    if (this.#text[this.#at] === "^") this.#at++;
    for (let first = true; first || this.#text[this.#at] !== "]"; first = false) {
      const rest = this.#text.slice(this.#at);
      const named = /^\[:(\^?)(.*?):\]/s.exec(rest);
      if (named) {
        if (!POSIX.has(named[2] ?? "")) fail("invalid character class range", named[0]);
        this.#at += named[0].length;
        continue;
      }
      if (this.#group()) continue;
      const from = this.#at;
      const low = this.#classCharacter(start);
      const next = this.#text[this.#at + 1];
      if (this.#text[this.#at] !== "-" || next === undefined || next === "]") continue;
      this.#at++;
      if (this.#classCharacter(start) < low) fail("invalid character class range", this.#text.slice(from, this.#at));
    }
    this.#at++;
  }

  #classCharacter(start: number): number {
    if (this.#at >= this.#text.length) fail("missing closing ]", this.#text.slice(start));
    return this.#text[this.#at] === "\\" ? this.#escape() : (this.#rune().codePointAt(0) ?? 0);
  }
}

function isUnicodeClass(name: string): boolean {
  if (name === "Any") return true;
  return ["gc", "sc"].some((kind) => {
    try {
      return new RegExp(`\\p{${kind}=${name}}`, "u").source !== "";
    } catch {
      return false;
    }
  });
}
