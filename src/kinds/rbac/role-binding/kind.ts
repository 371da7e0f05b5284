// RoleBindings: give a role's rules to subjects in one namespace.

import type { RoleBinding } from "#kinds/api/rbac-v1.gen.ts";
import { bindingColumns, defaultBinding, validateBinding } from "#kinds/rbac/subjects.ts";
import type { KindHooks } from "#meta/kind.ts";

export const roleBindingHooks: KindHooks<RoleBinding> = {
  createOnUpdate: true,
  nameRule: "path",
  default: defaultBinding,
  validate: (next, previous) => validateBinding(next, previous, { roleKinds: ["Role", "ClusterRole"], namespaced: true }),
  columns: bindingColumns,
};
