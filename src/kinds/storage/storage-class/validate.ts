import type { TopologySelectorTerm } from "#kinds/api/core-v1.gen.ts";
import type { StorageClass } from "#kinds/api/storage-v1.gen.ts";
import { checkImmutable, checkOneOf, checkQualifiedName, type Errors } from "#kinds/shared/checks.ts";
import { deprecatedNodeLabel } from "#kinds/shared/node-labels.ts";
import { checkParameters, checkProvisioner } from "#kinds/storage/checks.ts";
import { equal } from "#lib/equal.ts";
import { field, type FieldError } from "#meta/errors.ts";
import type { DeepReadonly } from "#meta/object.ts";

const RECLAIM_POLICIES = ["Delete", "Retain"];
const BINDING_MODES = ["Immediate", "WaitForFirstConsumer"];

export function validateStorageClass(next: DeepReadonly<StorageClass>, previous: DeepReadonly<StorageClass> | undefined): FieldError[] {
  const errors: Errors = [];
  checkProvisioner(errors, "provisioner", next.provisioner);
  checkParameters(errors, "parameters", next.parameters);
  if (next.reclaimPolicy) checkOneOf(errors, "reclaimPolicy", next.reclaimPolicy, RECLAIM_POLICIES);
  if (next.volumeBindingMode === undefined) errors.push(field.required("volumeBindingMode"));
  else checkOneOf(errors, "volumeBindingMode", next.volumeBindingMode, BINDING_MODES);
  validateTopologies(errors, "allowedTopologies", next.allowedTopologies ?? []);
  if (!previous) return errors;
  if (!equal(next.parameters ?? {}, previous.parameters ?? {}))
    checkImmutable(errors, "parameters", next.parameters ?? null, previous.parameters);
  checkImmutable(errors, "provisioner", next.provisioner ?? "", previous.provisioner ?? "");
  checkImmutable(errors, "reclaimPolicy", next.reclaimPolicy, previous.reclaimPolicy);
  checkImmutable(errors, "volumeBindingMode", next.volumeBindingMode, previous.volumeBindingMode);
  return errors;
}

function validateTopologies(errors: Errors, path: string, terms: readonly DeepReadonly<TopologySelectorTerm>[]): void {
  const seen: ReadonlyMap<string, ReadonlySet<string>>[] = [];
  for (const [index, { matchLabelExpressions = [] }] of terms.entries()) {
    const at = `${path}[${index}].matchLabelExpressions`;
    const term = new Map<string, ReadonlySet<string>>();
    for (const [position, { key = "", values = [] }] of matchLabelExpressions.entries()) {
      const here = `${at}[${position}]`;
      const set = new Set<string>();
      if (values.length === 0) errors.push(field.required(`${here}.values`));
      for (const [number, value] of values.entries()) {
        if (set.has(value)) errors.push(field.duplicate(`${here}.values[${number}]`, value));
        set.add(value);
      }
      checkQualifiedName(errors, `${here}.key`, key);
      if (term.has(key)) errors.push(field.duplicate(`${here}.key`, key));
      term.set(key, set);
    }
    // Upstream compares with as many empty terms as there are terms, so an empty one is always a duplicate.
    const empties = term.size === 0 ? terms.length : 0;
    const same = empties + seen.filter((other) => term.size > 0 && sameTerm(term, other)).length;
    for (let count = 0; count < same; count++) errors.push(field.duplicate(at, ""));
    seen.push(term);
  }
}

function sameTerm(a: ReadonlyMap<string, ReadonlySet<string>>, b: ReadonlyMap<string, ReadonlySet<string>>): boolean {
  if (a.size !== b.size) return false;
  return [...a].every(([key, values]) => b.has(key) && values.symmetricDifference(b.get(key) ?? new Set()).size === 0);
}

export function storageClassWarnings({ allowedTopologies = [] }: DeepReadonly<StorageClass>): string[] {
  return allowedTopologies.flatMap(({ matchLabelExpressions = [] }, index) =>
    matchLabelExpressions.flatMap(({ key }, position) => {
      const text = deprecatedNodeLabel(key ?? "");
      return text === undefined ? [] : [`allowedTopologies[${index}].matchLabelExpressions[${position}].key: ${text}`];
    }),
  );
}
