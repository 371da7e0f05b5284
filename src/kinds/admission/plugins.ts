// The built-in admission plugins, in upstream's order.

import type { AdmissionPlugin } from "#apiserver/admission.ts";
import type { Registry } from "#apiserver/registry.ts";
import type { Clock } from "#lib/clock.ts";
import { defaultTolerationSeconds } from "./default-toleration-seconds.ts";
import { namespaceLifecycle } from "./namespace-lifecycle.ts";
import { priority } from "./priority.ts";
import { serviceAccount } from "./service-account.ts";
import { taintNodesByCondition } from "./taint-nodes-by-condition.ts";

export function builtinPlugins(options: {
  readonly registry: Registry;
  readonly clock: Clock;
  readonly random: () => number;
}): readonly AdmissionPlugin[] {
  return [namespaceLifecycle(options), serviceAccount(options), taintNodesByCondition(), priority(options), defaultTolerationSeconds()];
}
