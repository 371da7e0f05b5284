// What the client wants the answer to look like, from its Accept header.

import { notAcceptable } from "#meta/errors.ts";
import { createLru } from "#lib/lru.ts";

/** One acceptable form. `as` is "" for the object itself, else `Table`, `PartialObjectMetadata`, ... */
export interface OutputForm {
  readonly type: "json" | "yaml";
  readonly as: string;
  readonly group: string;
  readonly version: string;
}

export type Negotiator = (accept: string | undefined, allowed: (form: OutputForm) => boolean) => OutputForm;

export const PLAIN_JSON: OutputForm = { type: "json", as: "", group: "", version: "" };

const TYPES: Readonly<Record<string, OutputForm["type"]>> = {
  "*/*": "json",
  "application/*": "json",
  "application/json": "json",
  "application/yaml": "yaml",
};

/** Clients send few different headers: parsed ones are remembered. */
export function createNegotiator(): Negotiator {
  const parsed = createLru<string, readonly OutputForm[]>(200);
  return (accept, allowed) => {
    if (accept === undefined || accept === "" || accept === "*/*" || accept === "application/json") return PLAIN_JSON;
    let forms = parsed.get(accept);
    if (!forms) {
      forms = parseAccept(accept);
      parsed.set(accept, forms);
    }
    for (const form of forms) if (form.as === "" || allowed(form)) return form;
    throw notAcceptable("only the following media types are accepted: application/json, application/yaml");
  };
}

function parseAccept(accept: string): OutputForm[] {
  const forms: { form: OutputForm; quality: number }[] = [];
  for (const clause of accept.split(",")) {
    const [name = "", ...rest] = clause.split(";").map((part) => part.trim());
    const type = TYPES[name.toLowerCase()];
    if (!type) continue;
    const parameters = new Map(rest.map((part) => [part.slice(0, part.indexOf("=")), part.slice(part.indexOf("=") + 1)]));
    // A stream of watch events is JSON lines; `stream=watch` changes nothing else.
    forms.push({
      form: { type, as: parameters.get("as") ?? "", group: parameters.get("g") ?? "", version: parameters.get("v") ?? "" },
      quality: Number(parameters.get("q") ?? 1),
    });
  }
  return forms.toSorted((a, b) => b.quality - a.quality).map(({ form }) => form);
}

const META = "meta.k8s.io";

/** The transformed forms that any object, or list of objects, has. */
export function isMetadataForm(form: OutputForm): boolean {
  return (
    form.group === META &&
    (form.version === "v1" || form.version === "v1beta1") &&
    (form.as === "Table" || form.as === "PartialObjectMetadata" || form.as === "PartialObjectMetadataList")
  );
}
