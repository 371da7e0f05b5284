// ServiceAccounts: the identities that pods run as.

import type { ServiceAccount } from "#kinds/api/core-v1.gen.ts";
import { ageColumn, nameColumn } from "#kinds/shared/columns.ts";
import type { KindHooks } from "#meta/kind.ts";

const ENFORCE_MOUNTABLE_SECRETS = "kubernetes.io/enforce-mountable-secrets";

export const serviceAccountHooks: KindHooks<ServiceAccount> = {
  returnsDeleted: true,
  prepare(next) {
    // References to secrets are by name alone, in the account's own namespace.
    if (next.secrets) next.secrets = next.secrets.map(({ name }) => (name === undefined ? {} : { name }));
  },
  warnings(next, previous) {
    const isSet = (account: typeof previous) => account?.metadata?.annotations?.[ENFORCE_MOUNTABLE_SECRETS] !== undefined;
    if (!isSet(next) || isSet(previous)) return [];
    return [
      `metadata.annotations[${ENFORCE_MOUNTABLE_SECRETS}]: deprecated in v1.32+; prefer separate namespaces to isolate access to mounted secrets`,
    ];
  },
  columns: [nameColumn, ageColumn],
};
