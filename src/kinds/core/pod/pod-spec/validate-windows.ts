// Windows containers that run as processes of their host.

import type { PodSpec } from "#kinds/api/core-v1.gen.ts";
import type { Errors } from "#kinds/shared/checks.ts";
import { field } from "#meta/errors.ts";
import type { DeepReadonly } from "#meta/object.ts";

/** All containers of a pod or none, and with the host's network. */
export function validateHostProcess(errors: Errors, path: string, spec: DeepReadonly<PodSpec>): void {
  const own = spec.securityContext?.windowsOptions?.hostProcess;
  let count = 0;
  let all = 0;
  for (const list of ["initContainers", "containers", "ephemeralContainers"] as const) {
    for (const [index, { securityContext }] of (spec[list] ?? []).entries()) {
      all++;
      const value = securityContext?.windowsOptions?.hostProcess;
      if (own !== undefined && value !== undefined && own !== value) {
        const text = `pod hostProcess value must be identical if both are specified, was ${own}`;
        errors.push(field.invalid(`${path}.${list}[${index}].securityContext.windowsOptions.hostProcess`, value, text));
      }
      if (value ?? own) count++;
    }
  }
  if (count === 0) return;
  if (count !== all)
    errors.push(field.invalid(path, "", "If pod contains any hostProcess containers then all containers must be HostProcess containers"));
  if (!spec.hostNetwork)
    errors.push(field.invalid(`${path}.hostNetwork`, false, "hostNetwork must be true if pod contains any hostProcess containers"));
}
