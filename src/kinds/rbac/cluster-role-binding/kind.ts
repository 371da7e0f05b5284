// ClusterRoleBindings: give a ClusterRole's rules to subjects everywhere.

import type { ClusterRoleBinding } from "#kinds/api/rbac-v1.gen.ts";
import { bindingColumns, defaultBinding, validateBinding } from "#kinds/rbac/subjects.ts";
import type { KindHooks } from "#meta/kind.ts";

export const clusterRoleBindingHooks: KindHooks<ClusterRoleBinding> = {
  createOnUpdate: true,
  nameRule: "path",
  default: defaultBinding,
  validate: (next, previous) => validateBinding(next, previous, { roleKinds: ["ClusterRole"], namespaced: false }),
  columns: bindingColumns,
};
