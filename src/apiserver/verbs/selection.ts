// Which objects of a collection a request is about: its label and field selectors.

import { badRequest } from "#meta/errors.ts";
import { parseFieldSelector, parseLabelSelector } from "#meta/selectors.ts";
import type { Entry } from "#store/store.ts";
import { storeKey, storePrefix, type ServedKind } from "../objects/served-kind.ts";

export interface Selection {
  /** The store prefix to read or watch; equal to the only key that matters if `exact`. */
  readonly prefix: string;
  /** Only the key that equals the prefix. */
  readonly exact: boolean;
  /** Undefined: everything below the prefix. */
  readonly matches: ((entry: Entry) => boolean) | undefined;
}

const GENERIC_FIELDS: readonly string[] = ["metadata.name", "metadata.namespace"];

/** Throws 400 for selectors that cannot be understood or fields the kind does not select by. */
export function selectionOf(kind: ServedKind, namespace: string, query: URLSearchParams, pathName = ""): Selection {
  const labels = parseLabelSelector(query.get("labelSelector") ?? "");
  const fields = parseFieldSelector(query.get("fieldSelector") ?? "");
  for (const { field } of fields.requirements) {
    if (!GENERIC_FIELDS.includes(field) && !kind.definition.selectableFieldNames?.includes(field)) {
      throw badRequest(`field label not supported: ${field}`);
    }
    if (field === "metadata.namespace" && !kind.resource.namespaced) throw badRequest(`field label not supported: ${field}`);
  }
  const name = pathName || fields.exactly("metadata.name");
  const space = namespace || fields.exactly("metadata.namespace") || "";
  // A name or namespace that could not be part of a key is compared, not looked up.
  const plain = (text: string) => /^[^/]+$/.test(text);
  const exact = name !== undefined && plain(name) && (!kind.resource.namespaced || plain(space));
  const usable = space === "" || plain(space) ? space : "";
  const { forms } = kind;
  return {
    prefix: exact ? storeKey(kind, usable, name) : storePrefix(kind, usable),
    exact,
    matches:
      labels.empty && fields.empty
        ? undefined
        : (entry) => {
            const facts = forms.facts(entry);
            return (labels.empty || labels.matches(facts.labels)) && (fields.empty || fields.matches(facts.fields));
          },
  };
}
