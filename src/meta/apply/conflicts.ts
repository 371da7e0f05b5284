// The 409 of an apply that would change what others own.

import { ApiError, type StatusCause } from "../errors.ts";
import { difference, intersection, isEmpty, pathsOf, showPath, type FieldSet } from "./field-set.ts";
import type { Owner } from "./managers.ts";
import { compareText } from "./path-element.ts";

/** Fields of each owner that an apply changes, by the owner's identity. */
export type Conflicts = ReadonlyMap<string, { readonly owner: Owner; readonly fields: FieldSet }>;

/** Those that are not in the set. */
export function conflictsBeyond(conflicts: Conflicts, allowed: FieldSet): Conflicts {
  const left = new Map<string, { owner: Owner; fields: FieldSet }>();
  for (const [identity, { owner, fields }] of conflicts) {
    const rest = isEmpty(intersection(fields, allowed)) ? fields : difference(fields, allowed);
    if (!isEmpty(rest)) left.set(identity, { owner, fields: rest });
  }
  return left;
}

/** Names each owner and field, in upstream's words. */
export function conflictError(conflicts: Conflicts): ApiError {
  const causes: StatusCause[] = [];
  const lines: string[] = [];
  for (const [, { owner, fields }] of [...conflicts].sort(([a], [b]) => compareText(a, b))) {
    const name = showOwner(owner);
    lines.push(`conflicts with ${name}:`);
    for (const path of pathsOf(fields)) {
      const field = showPath(path);
      causes.push({ reason: "FieldManagerConflict", message: `conflict with ${name}`, field });
      lines.push(`- ${field}`);
    }
  }
  const [only] = causes;
  const message =
    causes.length === 1 && only
      ? `Apply failed with 1 conflict: ${only.message ?? ""}: ${only.field ?? ""}`
      : `Apply failed with ${causes.length} conflicts: ${lines.join("\n")}`;
  return new ApiError(409, "Conflict", message, { causes });
}

function showOwner({ manager, operation, apiVersion, subresource }: Owner): string {
  let text = JSON.stringify(manager);
  if (subresource !== "") text += ` with subresource ${JSON.stringify(subresource)}`;
  return operation === "Update" ? `${text} using ${apiVersion}` : text;
}
