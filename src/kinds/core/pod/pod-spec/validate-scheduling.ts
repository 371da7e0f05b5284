// What says where a pod may run: affinity, tolerations, topology spread, gates.

import type {
  Affinity,
  NodeSelector,
  NodeSelectorTerm,
  PodAffinityTerm,
  PodSchedulingGate,
  Toleration,
  TopologySpreadConstraint,
} from "#kinds/api/core-v1.gen.ts";
import { checkLabelSelector, checkOneOf, checkQualifiedName, checkRequired, checkRule, type Errors } from "#kinds/shared/checks.ts";
import { checkNodeName, checkTaintEffect } from "#kinds/shared/network.ts";
import { field } from "#meta/errors.ts";
import { dns1123Label, labelValue } from "#meta/names.ts";
import type { DeepReadonly, LabelSelector } from "#meta/object.ts";
import type { Tolerated } from "./tolerated.ts";

type Read<T> = DeepReadonly<T>;

const BOTH_KEYS = "exists in both matchLabelKeys and labelSelector";
const NO_INTEGER = "must be a valid decimal integer in canonical form";
const WEIGHT = "must be in the range 1-100";

export function validateAffinity(errors: Errors, path: string, affinity: Read<Affinity> | undefined, tolerated: Tolerated): void {
  const node = affinity?.nodeAffinity;
  const required = node?.requiredDuringSchedulingIgnoredDuringExecution;
  if (required) {
    const at = `${path}.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution`;
    validateNodeSelector(errors, at, required, tolerated.nodeAffinityValues);
  }
  for (const [index, term] of (node?.preferredDuringSchedulingIgnoredDuringExecution ?? []).entries()) {
    const at = `${path}.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[${index}]`;
    if (!(term.weight > 0 && term.weight <= 100)) errors.push(field.invalid(`${at}.weight`, term.weight ?? 0, WEIGHT));
    // Values that no label can have are allowed in preferences, for history's sake.
    validateNodeSelectorTerm(errors, `${at}.preference`, term.preference ?? {}, true);
  }
  for (const name of ["podAffinity", "podAntiAffinity"] as const) {
    const pods = affinity?.[name];
    for (const [index, term] of (pods?.requiredDuringSchedulingIgnoredDuringExecution ?? []).entries()) {
      validatePodTerm(errors, `${path}.${name}.requiredDuringSchedulingIgnoredDuringExecution[${index}]`, term, tolerated.selectorValues);
    }
    for (const [index, term] of (pods?.preferredDuringSchedulingIgnoredDuringExecution ?? []).entries()) {
      const at = `${path}.${name}.preferredDuringSchedulingIgnoredDuringExecution[${index}]`;
      if (!(term.weight > 0 && term.weight <= 100)) errors.push(field.invalid(`${at}.weight`, term.weight ?? 0, WEIGHT));
      validatePodTerm(errors, `${at}.podAffinityTerm`, term.podAffinityTerm ?? { topologyKey: "" }, tolerated.selectorValues);
    }
  }
}

export function validateNodeSelector(errors: Errors, path: string, selector: Read<NodeSelector>, anyValue = false): void {
  const terms = selector.nodeSelectorTerms ?? [];
  if (terms.length === 0) errors.push(field.required(`${path}.nodeSelectorTerms`, "must have at least one node selector term"));
  for (const [index, term] of terms.entries()) validateNodeSelectorTerm(errors, `${path}.nodeSelectorTerms[${index}]`, term, anyValue);
}

function validateNodeSelectorTerm(errors: Errors, path: string, term: Read<NodeSelectorTerm>, anyValue: boolean): void {
  for (const [index, { key, operator, values = [] }] of (term.matchExpressions ?? []).entries()) {
    const at = `${path}.matchExpressions[${index}]`;
    if (operator === "In" || operator === "NotIn") {
      if (values.length === 0) errors.push(field.required(`${at}.values`, "must be specified when `operator` is 'In' or 'NotIn'"));
    } else if (operator === "Exists" || operator === "DoesNotExist") {
      if (values.length > 0)
        errors.push(field.forbidden(`${at}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
    } else if (operator === "Gt" || operator === "Lt") {
      if (values.length !== 1)
        errors.push(field.required(`${at}.values`, "must be specified single value when `operator` is 'Lt' or 'Gt'"));
    } else errors.push(field.invalid(`${at}.operator`, operator ?? "", "not a valid selector operator"));
    checkQualifiedName(errors, `${at}.key`, key);
    if (!anyValue) for (const [position, value] of values.entries()) checkRule(errors, `${at}.values[${position}]`, value, labelValue);
  }
  for (const [index, { key, operator, values = [] }] of (term.matchFields ?? []).entries()) {
    const at = `${path}.matchFields[${index}]`;
    if (operator !== "In" && operator !== "NotIn")
      errors.push(field.invalid(`${at}.operator`, operator ?? "", "not a valid selector operator"));
    else if (values.length !== 1) {
      errors.push(field.required(`${at}.values`, "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"));
    }
    if (key !== "metadata.name") errors.push(field.invalid(`${at}.key`, key ?? "", "not a valid field selector key"));
    else for (const [position, value] of values.entries()) checkNodeName(errors, `${at}.values[${position}]`, value);
  }
}

function validatePodTerm(errors: Errors, path: string, term: Read<PodAffinityTerm>, anyValue: boolean): void {
  checkLabelSelector(errors, `${path}.labelSelector`, term.labelSelector, anyValue);
  checkLabelSelector(errors, `${path}.namespaceSelector`, term.namespaceSelector, anyValue);
  for (const name of term.namespaces ?? []) checkRule(errors, `${path}.namespace`, name, dns1123Label);
  validateLabelKeys(errors, path, term.matchLabelKeys ?? [], term.mismatchLabelKeys ?? [], term.labelSelector);
  checkRequired(errors, `${path}.topologyKey`, term.topologyKey, "can not be empty");
  checkQualifiedName(errors, `${path}.topologyKey`, term.topologyKey ?? "");
}

/** Keys whose values are taken from the pod itself. The selector has had them added already when the pod was created. */
function validateLabelKeys(
  errors: Errors,
  path: string,
  match: readonly string[],
  mismatch: readonly string[],
  selector: Read<LabelSelector> | undefined,
): void {
  for (const [name, keys] of [["matchLabelKeys", match] as const, ["mismatchLabelKeys", mismatch] as const]) {
    if (keys.length > 0 && !selector)
      errors.push(field.forbidden(`${path}.${name}`, "must not be specified when labelSelector is not set"));
    else for (const [index, key] of keys.entries()) checkQualifiedName(errors, `${path}.${name}[${index}]`, key);
  }
  const seen = new Set(Object.keys(selector?.matchLabels ?? {}));
  for (const { key } of selector?.matchExpressions ?? []) {
    const index = match.lastIndexOf(key);
    if (index >= 0 && seen.has(key)) errors.push(field.invalid(`${path}[${index}]`, key, BOTH_KEYS));
    seen.add(key);
  }
  for (const [index, key] of match.entries()) {
    if (mismatch.includes(key)) {
      errors.push(field.invalid(`${path}.matchLabelKeys[${index}]`, key, "exists in both matchLabelKeys and mismatchLabelKeys"));
    }
  }
}

export function validateTolerations(
  errors: Errors,
  path: string,
  tolerations: readonly Read<Toleration>[],
  { comparisons }: Pick<Tolerated, "comparisons">,
): void {
  for (const [index, { key, operator = "", value = "", effect, tolerationSeconds }] of tolerations.entries()) {
    const at = `${path}[${index}]`;
    if (key) checkQualifiedName(errors, `${at}.key`, key);
    else if (operator !== "Exists") {
      const text = 'operator must be Exists when `key` is empty, which means "match all values and all keys"';
      errors.push(field.invalid(`${at}.operator`, operator, text));
    }
    if (tolerationSeconds !== undefined && effect !== "NoExecute") {
      errors.push(field.invalid(`${at}.effect`, effect ?? "", "effect must be 'NoExecute' when `tolerationSeconds` is set"));
    }
    if (operator === "Equal" || operator === "") {
      const wrong = labelValue(value);
      if (wrong.length > 0) errors.push(field.invalid(`${at}.operator`, value, wrong.join(";")));
    } else if (operator === "Exists") {
      if (value !== "") errors.push(field.invalid(`${at}.operator`, value, "value must be empty when `operator` is 'Exists'"));
    } else if (operator !== "Lt" && operator !== "Gt") errors.push(field.notSupported(`${at}.operator`, operator, ["Equal", "Exists"]));
    else if (!comparisons) errors.push(field.notSupported(`${at}.operator`, operator, ["Equal", "Exists", "Lt", "Gt"], "given"));
    else if (!/^(0|-?[1-9][0-9]*)$/.test(value)) errors.push(field.invalid(`${at}.value`, value, NO_INTEGER));
    if (effect) checkTaintEffect(errors, `${at}.effect`, effect, true);
  }
}

export function validateTopologySpread(
  errors: Errors,
  path: string,
  constraints: readonly Read<TopologySpreadConstraint>[],
  tolerated: Tolerated,
): void {
  for (const [index, constraint] of constraints.entries()) {
    const at = `${path}[${index}]`;
    const { maxSkew, topologyKey, whenUnsatisfiable: action, minDomains } = constraint;
    if (maxSkew <= 0) errors.push(field.invalid(`${at}.maxSkew`, maxSkew, "must be greater than zero"));
    checkRequired(errors, `${at}.topologyKey`, topologyKey, "can not be empty");
    checkOneOf(errors, `${at}.whenUnsatisfiable`, action, ["DoNotSchedule", "ScheduleAnyway"]);
    if (constraints.slice(index + 1).some((other) => other.topologyKey === topologyKey && other.whenUnsatisfiable === action)) {
      errors.push(field.duplicate(`${at}.{topologyKey, whenUnsatisfiable}`, `{${topologyKey}, ${action}}`));
    }
    if (minDomains !== undefined) {
      if (minDomains <= 0) errors.push(field.invalid(`${at}.minDomains`, minDomains, "must be greater than zero"));
      if (action !== "DoNotSchedule") {
        const text = `can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ${action}`;
        errors.push(field.invalid(`${at}.minDomains`, minDomains, text));
      }
    }
    for (const name of ["nodeAffinityPolicy", "nodeTaintsPolicy"] as const) {
      const policy = constraint[name];
      if (policy !== undefined) checkOneOf(errors, `${at}.${name}`, policy, ["Honor", "Ignore"]);
    }
    validateLabelKeys(errors, at, constraint.matchLabelKeys ?? [], [], constraint.labelSelector);
    if (!tolerated.spreadSelectors) checkLabelSelector(errors, `${at}.labelSelector`, constraint.labelSelector);
  }
}

export function validateSchedulingGates(errors: Errors, path: string, gates: readonly Read<PodSchedulingGate>[]): void {
  const seen = new Set<string>();
  for (const [index, { name }] of gates.entries()) {
    checkQualifiedName(errors, `${path}[${index}]`, name);
    if (seen.has(name)) errors.push(field.duplicate(`${path}[${index}]`, name));
    seen.add(name);
  }
}
