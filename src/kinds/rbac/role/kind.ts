// Roles: rules that count in one namespace.

import type { Role } from "#kinds/api/rbac-v1.gen.ts";
import { roleColumns, validateRules } from "#kinds/rbac/rules.ts";
import type { KindHooks } from "#meta/kind.ts";

export const roleHooks: KindHooks<Role> = {
  createOnUpdate: true,
  nameRule: "path",
  validate: (next) => validateRules(next.rules, true),
  columns: roleColumns,
};
