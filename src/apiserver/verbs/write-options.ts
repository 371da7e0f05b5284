// The options of a write, read from its query: dryRun, fieldManager, fieldValidation, force. All that is wrong is told at once.

import { field, invalid, type FieldError } from "#meta/errors.ts";
import { validateFieldManager } from "#meta/metadata-validation.ts";
import type { FieldValidation } from "../encoding/field-check.ts";
import type { Exchange } from "../pipeline/exchange.ts";
import { isTrue } from "../request-info.ts";

export interface WriteOptions {
  readonly dryRun: boolean;
  /** Who the fields belong to: what the client says, else how its user agent begins. May be "". */
  readonly manager: string;
  readonly fieldValidation: FieldValidation;
  readonly force: boolean;
}

/** How refusals name the options: the verb's own, as upstream. */
export type OptionsKind = "CreateOptions" | "UpdateOptions" | "PatchOptions";

const FIELD_VALIDATIONS: readonly string[] = ["", "Ignore", "Strict", "Warn"];
const MAX_MANAGER_LENGTH = 128;

/** Throws a 422 for options that make no sense. `isApply` counts for patches only. */
export function readWriteOptions(exchange: Exchange, kind: OptionsKind, isApply = false): WriteOptions {
  const { query, headers } = exchange.request;
  const agent = headers["user-agent"];
  if (query.size === 0 && !isApply) return { dryRun: false, manager: managerOf(agent), fieldValidation: "Warn", force: false };
  const errors: FieldError[] = [];
  const force = query.get("force");
  const named = query.get("fieldManager") ?? "";
  if (kind === "PatchOptions") {
    if (isApply && named === "") errors.push(field.required("fieldManager", "is required for apply patch"));
    if (!isApply && force !== null) errors.push(field.forbidden("force", "may not be specified for non-apply patch"));
  }
  errors.push(...validateFieldManager(named, "fieldManager"));
  const runs = query.getAll("dryRun").filter((value) => value !== "");
  if (runs.some((value) => value !== "All")) errors.push(field.notSupported("dryRun", runs, ["All"]));
  const asked = query.get("fieldValidation") ?? "";
  if (!FIELD_VALIDATIONS.includes(asked)) errors.push(field.notSupported("fieldValidation", asked, FIELD_VALIDATIONS));
  if (errors.length > 0) throw invalid({ group: "meta.k8s.io", kind }, "", errors);
  return {
    dryRun: runs.length > 0,
    manager: named === "" ? managerOf(agent) : named,
    fieldValidation: (asked === "" ? "Warn" : asked) as FieldValidation, // one of the four, as checked
    force: isTrue(force),
  };
}

/** What precedes the first slash of a user agent, without what cannot be printed, cut to what a manager's name may have. */
function managerOf(agent: string | undefined): string {
  if (agent === undefined) return "";
  const slash = agent.indexOf("/");
  const product = slash < 0 ? agent : agent.slice(0, slash);
  if (/^[ -~]{0,128}$/.test(product)) return product;
  let name = "";
  let length = 0;
  for (const character of product) {
    if (!/^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u.test(character)) continue;
    length += Buffer.byteLength(character);
    if (length > MAX_MANAGER_LENGTH) break;
    name += character;
  }
  return name;
}
