// Which objects of a collection a request is about: its label and field selectors.

import { badRequest, quote } from "#meta/errors.ts";
import { parseFieldSelector, type FieldMatcher } from "#meta/selectors.ts";
import type { Entry } from "#store/store.ts";
import { storeKey, storePrefix, type ServedKind } from "../objects/served-kind.ts";
import type { ListOptions } from "./list-options.ts";

export interface Selection {
  /** The store prefix to read or watch; equal to the only key that matters if `exact`. */
  readonly prefix: string;
  /** Only the key that equals the prefix. */
  readonly exact: boolean;
  /** Undefined: everything below the prefix. */
  readonly matches: ((entry: Entry) => boolean) | undefined;
}

const NAME = "metadata.name";
const NAMESPACE = "metadata.namespace";

/** Throws 400 for fields the kind does not select by. `pathName` is the name in a path of the old `watch/` form. */
export function selectionOf(kind: ServedKind, namespace: string, options: ListOptions, pathName = ""): Selection {
  const { labels } = options;
  const fields = withName(options.fields, pathName);
  for (const { field } of fields.requirements) checkField(kind, field);
  const name = fields.exactly(NAME);
  const space = namespace || fields.exactly(NAMESPACE) || "";
  // A name or namespace that could not be part of a key is compared, not looked up. A continued list is read as a list.
  const plain = (text: string) => /^[^/]+$/.test(text);
  const exact = name !== undefined && options.continued === "" && plain(name) && (!kind.resource.namespaced || plain(space));
  // The path's namespace is never widened: what cannot be a namespace has no objects.
  const usable = namespace !== "" || plain(space) ? space : "";
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

/** A name in the path counts as a field selector; another selector beside it must say the same. */
function withName(fields: FieldMatcher, pathName: string): FieldMatcher {
  if (pathName === "") return fields;
  if (fields.empty) return parseFieldSelector(`${NAME}=${pathName}`);
  if (fields.exactly(NAME) !== pathName) throw badRequest("fieldSelector metadata.name doesn't match requested name");
  return fields;
}

function checkField(kind: ServedKind, label: string): void {
  if (label === NAME) return;
  const { selectableFieldNames, unsupportedField } = kind.definition;
  if (!selectableFieldNames) {
    if (label !== NAMESPACE) throw badRequest(`${quote(label)} is not a known field selector: only "${NAME}", "${NAMESPACE}"`);
    return;
  }
  if (selectableFieldNames.includes(label) || (label === NAMESPACE && kind.resource.namespaced)) return;
  throw badRequest(unsupportedField?.(label) ?? `field label not supported: ${label}`);
}
