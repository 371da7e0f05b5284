// The forms of a stored object: bytes as stored, bytes as served, decoded. Each is made at most once per store entry.
// Stored bytes are JSON that begins {"kind":...,"apiVersion":...,"metadata":{ and hold no resourceVersion: the served form
// is spliced from them without decoding.

import { clone } from "#lib/clone.ts";
import { createLru } from "#lib/lru.ts";
import { parseJson, stringifyJson } from "#meta/codec/json.ts";
import { parseUnreadFields } from "#meta/codec/unread-fields.ts";
import type { KindDefinition } from "#meta/kind.ts";
import type { DeepReadonly, KubeObject } from "#meta/object.ts";
import { apiVersionOf } from "#meta/resource.ts";
import type { Entry } from "#store/store.ts";

/** What selectors look at. */
export interface SelectionFacts {
  readonly labels: Readonly<Record<string, string>> | undefined;
  readonly fields: Readonly<Record<string, string>>;
}

interface Memo {
  decoded?: DeepReadonly<KubeObject>;
  facts?: SelectionFacts;
}

export type WatchEventType = "ADDED" | "MODIFIED" | "DELETED";

/** Of so many objects the forms that are asked for again and again are kept. */
const RECENT_OBJECTS = 128;
const METADATA = Buffer.from('"metadata":{');
const NO_FIELDS: Readonly<Record<string, string>> = {};

/** Reads and writes the bytes of one served kind. Entries and all that is handed out are shared: callers must not change them. */
export class Forms {
  readonly #definition: KindDefinition;
  readonly #apiVersion: string;
  /** Everything before the resourceVersion's digits. */
  readonly #head: Buffer;
  /** The same for items of a list, which go without kind and apiVersion for the typed built-in kinds, as upstream serves them. */
  readonly #itemHead: Buffer;
  readonly #heads: Readonly<Record<WatchEventType, Buffer>>;
  readonly #memos = new WeakMap<Entry, Memo>();
  readonly #served = createLru<Entry, Uint8Array>(RECENT_OBJECTS);
  readonly #recent = createLru<string, { readonly entry: Entry; readonly object: DeepReadonly<KubeObject> }>(RECENT_OBJECTS);
  readonly #lines = new Map<Entry, Map<string, Uint8Array>>();
  /** Whether stored bytes may need more than splicing before they are served. */
  readonly #decodes: boolean;

  constructor(definition: KindDefinition) {
    this.#definition = definition;
    this.#apiVersion = apiVersionOf(definition.resource);
    const head = `{"kind":${JSON.stringify(definition.resource.kind)},"apiVersion":${JSON.stringify(this.#apiVersion)},"metadata":{"resourceVersion":"`;
    this.#head = Buffer.from(head);
    this.#itemHead = Buffer.from(definition.definitionName.startsWith("io.k8s.") ? '{"metadata":{"resourceVersion":"' : head);
    const lineHead = (type: WatchEventType) => Buffer.from(`{"type":"${type}","object":${head}`);
    this.#heads = { ADDED: lineHead("ADDED"), MODIFIED: lineHead("MODIFIED"), DELETED: lineHead("DELETED") };
    this.#decodes = definition.convert !== undefined || definition.onRead !== undefined;
  }

  /** The bytes a client gets for the object in plain JSON. */
  served(entry: Entry): Uint8Array {
    let bytes = this.#served.get(entry);
    if (!bytes) {
      bytes = splice(this.#head, entry.revision, this.#body(entry), EMPTY);
      this.#served.set(entry, bytes);
    }
    return bytes;
  }

  /** Appends the pieces of a list item to `pieces`; resolves to their length. Nothing is copied or kept. */
  pushItem(pieces: Uint8Array[], entry: Entry): number {
    const revision = Buffer.from(`${entry.revision}",`, "latin1");
    const body = this.#body(entry);
    pieces.push(this.#itemHead, revision, body);
    return this.#itemHead.length + revision.length + body.length;
  }

  /** One line of a watch stream. `revision` is the event's: with DELETED it is later than the entry's. */
  watchLine(type: WatchEventType, entry: Entry, revision: number): Uint8Array {
    return this.oncePerTurn(type, entry, () => splice(this.#heads[type], revision, this.#body(entry), LINE_END));
  }

  /** What `make` gives, kept until the turn ends: watchers are told of a commit one after another in one turn. */
  oncePerTurn(form: string, entry: Entry, make: () => Uint8Array): Uint8Array {
    let lines = this.#lines.get(entry);
    if (!lines) {
      if (this.#lines.size === 0) queueMicrotask(() => this.#lines.clear());
      lines = new Map();
      this.#lines.set(entry, lines);
    }
    let line = lines.get(form);
    if (!line) lines.set(form, (line = make()));
    return line;
  }

  /** The object, shared: nobody may change it. Its metadata has the resourceVersion. */
  decoded(entry: Entry): DeepReadonly<KubeObject> {
    const memo = this.#memo(entry);
    return (memo.decoded ??= this.#decode(entry));
  }

  /** The same for one look: it is not kept, so that a list of all objects does not fill the memory. */
  glimpse(entry: Entry): DeepReadonly<KubeObject> {
    return this.#memos.get(entry)?.decoded ?? this.#decode(entry);
  }

  /** The same for an encoder that writes a JsonText as it is: managed fields are left unread. */
  unread(entry: Entry): DeepReadonly<KubeObject> {
    const decoded = this.#memos.get(entry)?.decoded;
    if (decoded) return decoded;
    // Conversions may look at all of an object.
    return this.#decode(entry, this.#decodes ? parseJson : parseUnreadFields);
  }

  /** The object as a write finds it. Only of those that were written lately it is kept: they are often written again soon. */
  latest(entry: Entry): DeepReadonly<KubeObject> {
    const recent = this.#recent.get(entry.key);
    return recent?.entry === entry ? recent.object : this.glimpse(entry);
  }

  /** Keeps what was stored as `entry` for the next write. Nobody may change it any more. */
  remember(entry: Entry, object: KubeObject): void {
    if (this.#decodes) return;
    (object.metadata ??= {}).resourceVersion = String(entry.revision);
    this.#recent.set(entry.key, { entry, object });
  }

  /** A copy of the object that the caller may change. */
  fresh(entry: Entry): KubeObject {
    const shared = this.#memos.get(entry)?.decoded;
    return shared ? (clone(shared) as KubeObject) : this.#decode(entry);
  }

  /** Labels and selectable fields. Only they are kept, not the decoded object. */
  facts(entry: Entry): SelectionFacts {
    const memo = this.#memo(entry);
    return (memo.facts ??= this.factsOf(memo.decoded ?? this.#decode(entry)));
  }

  factsOf(object: DeepReadonly<KubeObject>): SelectionFacts {
    const extra = this.#definition.selectableFields?.(object) ?? NO_FIELDS;
    return {
      labels: object.metadata?.labels,
      fields: { "metadata.name": object.metadata?.name ?? "", "metadata.namespace": object.metadata?.namespace ?? "", ...extra },
    };
  }

  /** The bytes to store. Puts kind and apiVersion in place; the resourceVersion is left out. */
  encode(object: KubeObject): Uint8Array {
    const source = this.#definition.convert ? this.#definition.convert.toStored(object as never) : object; // the hook's own type
    const { kind, apiVersion, metadata, ...rest } = source;
    const { resourceVersion: _, ...stored } = metadata ?? {};
    const converted = this.#definition.convert !== undefined;
    const text = stringifyJson({
      kind: converted ? kind : this.#definition.resource.kind,
      apiVersion: converted ? apiVersion : this.#apiVersion,
      metadata: stored,
      ...rest,
    });
    // Memory of its own: in a pool, what is stored would hold what lived for a request only.
    const bytes = Buffer.allocUnsafeSlow(Buffer.byteLength(text));
    bytes.write(text, "utf8");
    return bytes;
  }

  #memo(entry: Entry): Memo {
    let memo = this.#memos.get(entry);
    if (!memo) {
      memo = {};
      this.#memos.set(entry, memo);
    }
    return memo;
  }

  #decode(entry: Entry, parse: (text: string) => unknown = parseJson): KubeObject {
    const stored = parse(asBuffer(entry.value).toString("utf8")) as KubeObject; // the server wrote these bytes
    const object: KubeObject = this.#definition.convert ? this.#definition.convert.fromStored(stored) : stored;
    object.kind = this.#definition.resource.kind;
    object.apiVersion = this.#apiVersion;
    this.#definition.onRead?.(object);
    if (entry.revision > 0) (object.metadata ??= {}).resourceVersion = String(entry.revision);
    return object;
  }

  /** Stored bytes from the first field of the metadata on. */
  #body(entry: Entry): Uint8Array {
    let bytes = asBuffer(entry.value);
    if (this.#decodes) {
      const object = this.#memos.get(entry)?.decoded ?? this.#decode(entry);
      const { resourceVersion: _, ...metadata } = object.metadata ?? {};
      bytes = Buffer.from(stringifyJson({ ...object, metadata }));
    }
    return bytes.subarray(bytes.indexOf(METADATA) + METADATA.length);
  }
}

const EMPTY: Uint8Array = new Uint8Array(0);
const LINE_END: Uint8Array = Buffer.from("}\n");

/** `head`, the revision, the end of its string, `body`, `tail`. Revision 0 (a dry run's creation) shows as "". */
function splice(head: Uint8Array, revision: number, body: Uint8Array, tail: Uint8Array): Uint8Array {
  const digits = revision > 0 ? String(revision) : "";
  const out = Buffer.allocUnsafe(head.length + digits.length + 2 + body.length + tail.length);
  out.set(head, 0);
  let at = head.length;
  at += out.write(digits, at, "latin1");
  out[at++] = 0x22;
  out[at++] = 0x2c;
  out.set(body, at);
  if (tail.length > 0) out.set(tail, at + body.length);
  return out;
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
