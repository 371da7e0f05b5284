import type { IngressClass, IngressClassParametersReference } from "#kinds/api/networking-v1.gen.ts";
import { checkDnsLabel, checkImmutable, checkOneOf, checkRequired, type Errors } from "#kinds/shared/checks.ts";
import { checkLocalReference } from "#kinds/shared/references.ts";
import { field, type FieldError } from "#meta/errors.ts";
import { byteLength, dns1123Subdomain, httpPath } from "#meta/names.ts";
import type { DeepReadonly } from "#meta/object.ts";

const MAX_CONTROLLER = 250;
const SCOPES = ["Cluster", "Namespace"];

export function validateIngressClass(next: DeepReadonly<IngressClass>, previous: DeepReadonly<IngressClass> | undefined): FieldError[] {
  const errors: Errors = [];
  const controller = next.spec?.controller ?? "";
  if (previous) checkImmutable(errors, "spec.controller", controller, previous.spec?.controller ?? "");
  if (byteLength(controller) > MAX_CONTROLLER) errors.push(field.tooLong("spec.controller", MAX_CONTROLLER));
  checkDomainPrefixedPath(errors, "spec.controller", controller);
  if (next.spec?.parameters) validateParameters(errors, "spec.parameters", next.spec.parameters);
  return errors;
}

function checkDomainPrefixedPath(errors: Errors, path: string, value: string): void {
  if (!checkRequired(errors, path, value)) return;
  const slash = value.indexOf("/");
  const [host, rest] = slash < 0 ? ["", ""] : [value.slice(0, slash), value.slice(slash + 1)];
  if (host === "" || rest === "") {
    errors.push(field.invalid(path, value, 'must be a domain-prefixed path (such as "acme.io/foo")'));
    return;
  }
  for (const wrong of dns1123Subdomain(host)) errors.push(field.invalid(path, host, wrong));
  for (const wrong of httpPath(rest)) errors.push(field.invalid(path, rest, wrong));
}

function validateParameters(errors: Errors, path: string, parameters: DeepReadonly<IngressClassParametersReference>): void {
  checkLocalReference(errors, path, parameters);
  const { scope, namespace } = parameters;
  if (scope === undefined) {
    errors.push(field.required(`${path}.scope`));
    return;
  }
  checkOneOf(errors, `${path}.scope`, scope, SCOPES);
  if (scope === "Namespace") {
    if (namespace === undefined) errors.push(field.required(`${path}.namespace`, "`parameters.scope` is set to 'Namespace'"));
    else checkDnsLabel(errors, `${path}.namespace`, namespace);
  }
  if (scope === "Cluster" && namespace !== undefined) {
    errors.push(field.forbidden(`${path}.namespace`, "`parameters.scope` is set to 'Cluster'"));
  }
}
