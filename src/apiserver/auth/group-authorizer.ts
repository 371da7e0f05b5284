// Allows the members of a group what a fixed list of rules says.

import type { Authorizer } from "../access.ts";
import { compileRules, type PolicyRule } from "./rbac-rules.ts";

/** Users of `group` whose name starts with `namePrefix` may do what `rules` say; it has no opinion on others. */
export function groupAuthorizer(options: {
  readonly group: string;
  readonly namePrefix: string;
  readonly rules: readonly PolicyRule[];
}): Authorizer {
  const rules = compileRules(options.rules);
  return {
    authorize(attributes) {
      const { user } = attributes;
      const member = user.name.startsWith(options.namePrefix) && user.groups.includes(options.group);
      return { allowed: member && rules.allow(attributes), reason: "" };
    },
  };
}
