// What RoleBindings and ClusterRoleBindings have in common.

import type { RoleBinding, Subject } from "#kinds/api/rbac-v1.gen.ts";
import { ageColumn, nameColumn, text, wide } from "#kinds/shared/columns.ts";
import { equal } from "#lib/equal.ts";
import { field, type FieldError } from "#meta/errors.ts";
import type { Column } from "#meta/kind.ts";
import { dns1123Subdomain, pathSegmentName } from "#meta/names.ts";
import type { DeepReadonly } from "#meta/object.ts";
import { RBAC_GROUP } from "./rules.ts";

/** Both kinds of binding have the same fields. */
type Binding = Pick<RoleBinding, "subjects" | "roleRef" | "metadata">;

export function defaultBinding(binding: Binding): void {
  // Written by clients before it is validated: may be absent.
  const reference: Partial<Binding["roleRef"]> = (binding.roleRef ??= { apiGroup: "", kind: "", name: "" });
  if (!reference.apiGroup) reference.apiGroup = RBAC_GROUP;
  for (const subject of binding.subjects ?? []) {
    if (!subject.apiGroup && (subject.kind === "User" || subject.kind === "Group")) subject.apiGroup = RBAC_GROUP;
  }
}

export function validateBinding(
  next: DeepReadonly<Binding>,
  previous: DeepReadonly<Binding> | undefined,
  options: { readonly roleKinds: readonly string[]; readonly namespaced: boolean },
): FieldError[] {
  const errors: FieldError[] = [];
  // Fields that the schema calls required may be absent all the same.
  const reference: DeepReadonly<Partial<Binding["roleRef"]>> = next.roleRef ?? {};
  const { apiGroup = "", kind = "", name = "" } = reference;
  if (apiGroup !== RBAC_GROUP) errors.push(field.notSupported("roleRef.apiGroup", apiGroup, [RBAC_GROUP]));
  if (!options.roleKinds.includes(kind)) errors.push(field.notSupported("roleRef.kind", kind, options.roleKinds, "given"));
  if (name === "") errors.push(field.required("roleRef.name"));
  else errors.push(...pathSegmentName(name).map((problem) => field.invalid("roleRef.name", name, problem)));
  for (const [index, subject] of (next.subjects ?? []).entries()) {
    errors.push(...validateSubject(subject, options.namespaced, `subjects[${index}]`));
  }
  if (previous && !equal(next.roleRef, previous.roleRef)) {
    errors.push(field.invalid("roleRef", next.roleRef, "cannot change roleRef"));
  }
  return errors;
}

function validateSubject(subject: DeepReadonly<Partial<Subject>>, namespaced: boolean, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const { kind = "", name = "", apiGroup = "", namespace = "" } = subject;
  if (name === "") errors.push(field.required(`${path}.name`));
  if (kind === "ServiceAccount") {
    if (name !== "") errors.push(...dns1123Subdomain(name).map((problem) => field.invalid(`${path}.name`, name, problem)));
    if (apiGroup !== "") errors.push(field.notSupported(`${path}.apiGroup`, apiGroup, [""]));
    if (!namespaced && namespace === "") errors.push(field.required(`${path}.namespace`));
  } else if (kind === "User" || kind === "Group") {
    if (apiGroup !== RBAC_GROUP) errors.push(field.notSupported(`${path}.apiGroup`, apiGroup, [RBAC_GROUP]));
  } else errors.push(field.notSupported(`${path}.kind`, kind, ["ServiceAccount", "User", "Group"], "given"));
  return errors;
}

const subjectNames = (binding: DeepReadonly<Binding>, kind: string, show: (subject: DeepReadonly<Subject>) => string): string =>
  (binding.subjects ?? [])
    .filter((subject) => subject.kind === kind)
    .map(show)
    .join(", ");

export const bindingColumns: readonly Column<Binding>[] = [
  nameColumn,
  text("Role", ({ roleRef }) => `${roleRef.kind}/${roleRef.name}`),
  ageColumn,
  wide(text("Users", (binding) => subjectNames(binding, "User", ({ name }) => name))),
  wide(text("Groups", (binding) => subjectNames(binding, "Group", ({ name }) => name))),
  wide(
    text("ServiceAccounts", (binding) => subjectNames(binding, "ServiceAccount", ({ namespace, name }) => `${namespace ?? ""}/${name}`)),
  ),
];
