// Checks that Endpoints and EndpointSlices share.

import { field } from "#meta/errors.ts";
import { dns1123Subdomain, labelValue, qualifiedName } from "#meta/names.ts";
import { checkRule, type Errors } from "./checks.ts";

export const checkNodeName = (errors: Errors, path: string, name: string): void => checkRule(errors, path, name, dns1123Subdomain);

const TAINT_EFFECTS = ["NoSchedule", "PreferNoSchedule", "NoExecute"];

/** A taint's effect; a toleration's may be empty. */
export function checkTaintEffect(errors: Errors, path: string, effect: string | undefined, allowEmpty: boolean): void {
  if (!effect) {
    if (!allowEmpty) errors.push(field.required(path));
  } else if (!TAINT_EFFECTS.includes(effect)) errors.push(field.notSupported(path, effect, TAINT_EFFECTS, "given"));
}

interface TaintLike {
  readonly key: string;
  readonly value?: string;
  readonly effect: string;
}

export function checkTaints(errors: Errors, path: string, taints: readonly TaintLike[]): void {
  const seen = new Set<string>();
  for (const [index, taint] of taints.entries()) {
    const at = `${path}[${index}]`;
    checkRule(errors, `${at}.key`, taint.key, qualifiedName);
    const wrong = labelValue(taint.value ?? "");
    if (wrong.length > 0) errors.push(field.invalid(`${at}.value`, taint.value, wrong.join(";")));
    checkTaintEffect(errors, `${at}.effect`, taint.effect, false);
    const pair = `${taint.effect}/${taint.key}`;
    if (seen.has(pair)) errors.push({ ...field.duplicate(at, taint), detail: "taints must be unique by key and effect pair" });
    seen.add(pair);
  }
}
