// Which evaluator measures which kind.

import { objectCount, type Evaluator } from "./evaluator.ts";
import { persistentVolumeClaims } from "./claims.ts";
import { pods } from "./pods.ts";
import { resourceClaims } from "./resource-claims.ts";
import { services } from "./services.ts";

/** Those of the core group that had names in quotas before everything could be counted. */
const ALIASED: ReadonlySet<string> = new Set(["configmaps", "resourcequotas", "replicationcontrollers", "secrets"]);

export function evaluatorOf({ group, plural }: { readonly group: string; readonly plural: string }): Evaluator {
  if (group === "resource.k8s.io" && plural === "resourceclaims") return resourceClaims;
  if (group !== "") return objectCount(group, plural);
  switch (plural) {
    case "pods":
      return pods;
    case "services":
      return services;
    case "persistentvolumeclaims":
      return persistentVolumeClaims;
    default:
      return objectCount(group, plural, ALIASED.has(plural) ? plural : undefined);
  }
}
