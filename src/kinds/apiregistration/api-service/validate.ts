// What an APIService may hold, with upstream's paths and words.

import type { APIService } from "#kinds/api/apiregistration-v1.gen.ts";
import { base64Bytes } from "#kinds/shared/base64.ts";
import { checkRequired, checkRule, checkSubdomain, type Errors } from "#kinds/shared/checks.ts";
import { field, type FieldError, quote } from "#meta/errors.ts";
import { dns1035Label, pathSegmentName, portNumber } from "#meta/names.ts";
import type { DeepReadonly } from "#meta/object.ts";

type Spec = DeepReadonly<Partial<NonNullable<APIService["spec"]>>>;

const STATUSES = ["True", "False", "Unknown"];
const MAX_GROUP_PRIORITY = 20_000;
const MAX_VERSION_PRIORITY = 1000;

export function validateApiService({ metadata, spec: given }: DeepReadonly<APIService>): FieldError[] {
  const errors: Errors = [];
  const spec: Spec = given ?? {};
  const { group = "", version = "", groupPriorityMinimum = 0, versionPriority = 0, service } = spec;
  checkName(errors, metadata?.name ?? "", `${version}.${group}`);
  if (group !== "") checkSubdomain(errors, "spec.group", group);
  else if (version !== "v1") errors.push(field.required("spec.group", "only v1 may have an empty group and it better be legacy kube"));
  checkRule(errors, "spec.version", version, dns1035Label);
  if (groupPriorityMinimum <= 0 || groupPriorityMinimum > MAX_GROUP_PRIORITY) {
    errors.push(field.invalid("spec.groupPriorityMinimum", groupPriorityMinimum, "must be positive and less than 20000"));
  }
  if (versionPriority <= 0 || versionPriority > MAX_VERSION_PRIORITY) {
    errors.push(field.invalid("spec.versionPriority", versionPriority, "must be positive and less than 1000"));
  }
  if (service) checkService(errors, service, spec);
  else checkLocal(errors, spec);
  return errors;
}

function checkName(errors: Errors, name: string, wanted: string): void {
  if (name === "" || name === wanted || pathSegmentName(name).length > 0) return;
  errors.push(field.invalid("metadata.name", name, `must be \`spec.version+"."+spec.group\`: ${quote(wanted)}`));
}

function checkLocal(errors: Errors, { caBundle, insecureSkipTLSVerify }: Spec): void {
  if (caBundle) errors.push(field.invalid("spec.caBundle", `${base64Bytes(caBundle)} bytes`, "local APIServices may not have a caBundle"));
  if (insecureSkipTLSVerify) {
    errors.push(field.invalid("spec.insecureSkipTLSVerify", true, "local APIServices may not have insecureSkipTLSVerify"));
  }
}

function checkService(errors: Errors, service: NonNullable<Spec["service"]>, { caBundle, insecureSkipTLSVerify }: Spec): void {
  checkRequired(errors, "spec.service.namespace", service.namespace);
  checkRequired(errors, "spec.service.name", service.name);
  const port = service.port ?? 0;
  const wrong = portNumber(port);
  if (wrong.length > 0) errors.push(field.invalid("spec.service.port", port, `port is not valid: ${wrong.join(", ")}`));
  if (insecureSkipTLSVerify && caBundle) {
    errors.push(field.invalid("spec.insecureSkipTLSVerify", true, "may not be true if caBundle is present"));
  }
}

export function validateApiServiceStatus({ status }: DeepReadonly<APIService>): FieldError[] {
  const errors: Errors = [];
  for (const [index, { status: value }] of (status?.conditions ?? []).entries()) {
    if (!STATUSES.includes(value ?? "")) {
      errors.push(field.notSupported(`status.conditions[${index}].status`, value ?? "", STATUSES, "given"));
    }
  }
  return errors;
}
