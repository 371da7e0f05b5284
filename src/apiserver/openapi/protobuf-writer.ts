// Protobuf messages from JSON, told by tables: which member is which field. Written from the end, where the length of a message is known when
// its head is due.

/** Writes one value as the field of that number. */
export type Encode = (writer: ProtobufWriter, field: number, value: unknown) => void;

/** What the members of a JSON object become. Members that are not named here are left out. */
export interface Message {
  readonly fields?: Readonly<Record<string, readonly [field: number, encode: Encode]>>;
  /** Of members that begin with `x-`, as name and value. */
  readonly extensions?: number;
  /** Of all members that `fields` doesn't name: an object with free keys, written as name and value. */
  readonly entries?: readonly [field: number, encode: Encode];
}

const VARINT = 0;
const FIXED64 = 1;
const DELIMITED = 2;
/** Of messages that pair a key with its value. */
const NAME = 1;
const VALUE = 2;
/** Free values travel as YAML, which JSON is. */
const ANY_YAML = 2;

const utf8 = new TextEncoder();

export class ProtobufWriter {
  #bytes = new Uint8Array(1 << 16);
  /** Everything from here on is written. */
  #start = this.#bytes.length;

  finish(): Uint8Array {
    return this.#bytes.slice(this.#start);
  }

  text(field: number, value: string): void {
    // Three bytes at most for a UTF-16 unit.
    this.#need(value.length * 3);
    const bytes = utf8.encode(value);
    this.#start -= bytes.length;
    this.#bytes.set(bytes, this.#start);
    this.#head(field, bytes.length);
  }

  bool(field: number, value: boolean): void {
    this.#varint(value ? 1 : 0);
    this.#varint(field * 8 + VARINT);
  }

  double(field: number, value: number): void {
    this.#need(8);
    this.#start -= 8;
    new DataView(this.#bytes.buffer).setFloat64(this.#start, value, true);
    this.#varint(field * 8 + FIXED64);
  }

  nested(field: number, write: () => void): void {
    const written = this.#bytes.length - this.#start;
    write();
    this.#head(field, this.#bytes.length - this.#start - written);
  }

  members(message: Message, value: object): void {
    const entries = Object.entries(value);
    for (let index = entries.length - 1; index >= 0; index--) {
      const [key = "", member] = entries[index] ?? [];
      if (member === undefined) continue;
      const known = message.fields?.[key];
      if (known) known[1](this, known[0], member);
      else if (message.extensions !== undefined && key.startsWith("x-")) this.#pair(message.extensions, key, any, member);
      else if (message.entries) this.#pair(message.entries[0], key, message.entries[1], member);
    }
  }

  #pair(field: number, key: string, encode: Encode, value: unknown): void {
    this.nested(field, () => {
      encode(this, VALUE, value);
      this.text(NAME, key);
    });
  }

  #head(field: number, length: number): void {
    this.#varint(length);
    this.#varint(field * 8 + DELIMITED);
  }

  #varint(value: number): void {
    this.#need(10);
    let size = 1;
    for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) size++;
    this.#start -= size;
    let rest = value;
    for (let index = 0; index < size; index++, rest = Math.floor(rest / 0x80))
      this.#bytes[this.#start + index] = (rest % 0x80) + (index < size - 1 ? 0x80 : 0);
  }

  #need(size: number): void {
    if (this.#start >= size) return;
    const written = this.#bytes.length - this.#start;
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, written + size));
    grown.set(this.#bytes.subarray(this.#start), grown.length - written);
    this.#start = grown.length - written;
    this.#bytes = grown;
  }
}

export const text: Encode = (writer, field, value) => writer.text(field, String(value));
export const bool: Encode = (writer, field, value) => writer.bool(field, value === true);
export const any: Encode = (writer, field, value) => writer.nested(field, () => writer.text(ANY_YAML, `${JSON.stringify(value)}\n`));

/** A JSON object as a message. */
export function message(shape: () => Message): Encode {
  return (writer, field, value) => writer.nested(field, () => writer.members(shape(), value as object));
}

/** A list as a repeated field. */
export function each(encode: Encode): Encode {
  return (writer, field, value) => {
    for (const item of (value as readonly unknown[]).toReversed()) encode(writer, field, item);
  };
}

/** A value in a message around it, as whose field of the number that `choose` gives it stands. */
export function wrapped(choose: number | ((value: object) => number), encode: Encode): Encode {
  return (writer, field, value) =>
    writer.nested(field, () => encode(writer, typeof choose === "number" ? choose : choose(value as object), value));
}
