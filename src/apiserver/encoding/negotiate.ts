// What the client wants the answer to look like, from its Accept header, by upstream's rules: clauses in the order of their quality,
// each tried as JSON, YAML and protobuf in that order.

import { notAcceptable } from "#meta/errors.ts";
import { createLru } from "#lib/lru.ts";

/** One acceptable form. `as` is "" for the object itself, else `Table`, `PartialObjectMetadata`, ... */
export interface OutputForm {
  readonly type: "json" | "yaml" | "protobuf";
  readonly as: string;
  readonly group: string;
  readonly version: string;
  /** Asked for by `pretty=1` in the header. */
  readonly pretty?: true;
}

/** `allowed` is asked of transformed forms, and of protobuf, which not everything has. */
export type Negotiator = (accept: string | undefined, allowed: (form: OutputForm) => boolean, accepted?: readonly string[]) => OutputForm;

export const PLAIN_JSON: OutputForm = { type: "json", as: "", group: "", version: "" };

const JSON_TYPE = "application/json";
export const YAML_TYPE = "application/yaml";
export const PROTOBUF_TYPE = "application/vnd.kubernetes.protobuf";
export const PROTOBUF_STREAM_TYPE: string = `${PROTOBUF_TYPE};stream=watch`;

/** In the order in which upstream tries them. */
const TYPES: readonly { readonly name: string; readonly type: OutputForm["type"] }[] = [
  { name: JSON_TYPE, type: "json" },
  { name: YAML_TYPE, type: "yaml" },
  { name: PROTOBUF_TYPE, type: "protobuf" },
];
const ALL_TYPES: readonly string[] = TYPES.map(({ name }) => name);
/** What a watch can be served as. */
export const STREAM_TYPES: readonly string[] = [`${JSON_TYPE};stream=watch`, PROTOBUF_STREAM_TYPE];

/** Clients send few different headers: parsed ones are remembered. */
export function createNegotiator(): Negotiator {
  const parsed = createLru<string, readonly OutputForm[]>(200);
  return (accept, allowed, accepted = ALL_TYPES) => {
    if (accept === undefined || accept === "" || accept === "*/*" || accept === JSON_TYPE) return PLAIN_JSON;
    let forms = parsed.get(accept);
    if (!forms) {
      forms = parseAccept(accept);
      parsed.set(accept, forms);
    }
    for (const form of forms) if ((form.type !== "protobuf" && !isTransformed(form)) || allowed(form)) return form;
    throw notAcceptable(`only the following media types are accepted: ${accepted.join(", ")}`);
  };
}

/** Naming a group or version without a kind is a transformation too, one that nobody has. */
export function isTransformed(form: OutputForm): boolean {
  return form.as !== "" || form.group !== "" || form.version !== "";
}

interface Clause {
  readonly type: string;
  readonly subtype: string;
  readonly quality: number;
  readonly parameters: ReadonlyMap<string, string>;
}

function parseAccept(accept: string): OutputForm[] {
  const clauses = accept.split(",").flatMap(parseClause);
  const wildness = ({ type, subtype }: Clause) => Number(type === "*") + Number(subtype === "*");
  const sorted = clauses.toSorted((a, b) => b.quality - a.quality || wildness(a) - wildness(b));
  return sorted.flatMap((clause) => TYPES.flatMap(({ name, type }) => (matches(clause, name) ? formOf(clause, type) : [])));
}

function parseClause(text: string): Clause[] {
  const [range = "", ...rest] = text.split(";").map((part) => part.trim());
  const [type = "", subtype = type === "*" ? "*" : "", more] = range.split("/").map((part) => part.trim());
  if (subtype === "" || more !== undefined) return [];
  const parameters = new Map<string, string>();
  let quality = 1;
  for (const part of rest) {
    const [name = "", value = "", other] = part.split("=").map((each) => each.trim());
    if (value === "" || other !== undefined) continue;
    if (name === "q") quality = Number(value) || 0;
    else parameters.set(name, value);
  }
  return [{ type, subtype, quality, parameters }];
}

function matches({ type, subtype }: Clause, name: string): boolean {
  if (type === "*") return subtype === "*";
  return name.startsWith(`${type}/`) && (subtype === "*" || name === `${type}/${subtype}`);
}

/** The form of a clause; none if it wants what nobody serves. */
function formOf({ parameters }: Clause, type: OutputForm["type"]): OutputForm[] {
  const stream = parameters.get("stream");
  if (stream !== undefined && (stream !== "watch" || type === "yaml")) return [];
  if ((parameters.get("sv") ?? "v1") !== "v1") return [];
  return [
    {
      type,
      as: parameters.get("as") ?? "",
      group: parameters.get("g") ?? "",
      version: parameters.get("v") ?? "",
      ...(parameters.get("pretty") === "1" ? { pretty: true } : {}),
    },
  ];
}

const META = "meta.k8s.io";

/** The transformed forms that any object, or list of objects, has. Tables are not served as protobuf. */
export function isMetadataForm(form: OutputForm): boolean {
  if (form.group !== META || (form.version !== "v1" && form.version !== "v1beta1")) return false;
  if (form.as === "Table") return form.type !== "protobuf";
  return form.as === "PartialObjectMetadata" || form.as === "PartialObjectMetadataList";
}
