import type { HTTPIngressPath, Ingress, IngressBackend, IngressSpec, IngressStatus, IngressTLS } from "#kinds/api/networking-v1.gen.ts";
import { checkDnsLabel, checkPortNumber, checkRequired, checkRule, checkSubdomain, type Errors } from "#kinds/shared/checks.ts";
import { checkLocalReference } from "#kinds/shared/references.ts";
import { parseIpSloppy } from "#lib/ip.ts";
import { field, type FieldError } from "#meta/errors.ts";
import { validateLegacyIp } from "#meta/ip-validation.ts";
import { dns1123Subdomain, portName, wildcardDns1123Subdomain } from "#meta/names.ts";
import type { DeepReadonly } from "#meta/object.ts";

type Read<T> = DeepReadonly<T>;

const CLASS_ANNOTATION = "kubernetes.io/ingress.class";
const PATH_TYPES = ["Exact", "ImplementationSpecific", "Prefix"];
const INVALID_SEQUENCES = ["//", "/./", "/../", "%2f", "%2F"];
const INVALID_SUFFIXES = ["/..", "/."];
const NOT_AN_IP = "must be a DNS name, not an IP address";

export function validateIngress(next: Read<Ingress>, previous: Read<Ingress> | undefined, subresource: string): FieldError[] {
  const errors: Errors = [];
  if (subresource === "status") {
    validateStatus(errors, next.status, previous?.status);
    return errors;
  }
  const old = previous?.spec;
  validateSpec(errors, next.spec ?? {}, old);
  const annotation = next.metadata?.annotations?.[CLASS_ANNOTATION];
  const className = next.spec?.ingressClassName;
  if (!previous && annotation !== undefined && className !== undefined && annotation !== className) {
    errors.push(field.invalid(`annotations.${CLASS_ANNOTATION}`, annotation, "must match `ingressClassName` when both are specified"));
  }
  return errors;
}

export function ingressWarnings(next: Read<Ingress>, previous: Read<Ingress> | undefined): string[] {
  const deprecated = next.metadata?.annotations?.[CLASS_ANNOTATION] !== undefined && next.spec?.ingressClassName === undefined;
  return deprecated && !previous ? [`annotation "${CLASS_ANNOTATION}" is deprecated, please use 'spec.ingressClassName' instead`] : [];
}

/** What an old object got in with stays allowed in it. */
function validateSpec(errors: Errors, spec: Read<IngressSpec>, old: Read<IngressSpec> | undefined): void {
  const rules = spec.rules ?? [];
  if (rules.length === 0 && !spec.defaultBackend) {
    errors.push(field.invalid("spec", spec.rules, "either `defaultBackend` or `rules` must be specified"));
  }
  if (spec.defaultBackend) validateBackend(errors, "spec.defaultBackend", spec.defaultBackend);
  const looseWildcards = (old?.rules ?? []).some((rule) => rule.host?.includes("*") && hasInvalidPaths(rule.http?.paths));
  for (const [index, { host = "", http }] of rules.entries()) {
    const path = `spec.rules[${index}]`;
    if (host !== "") {
      if (parseIpSloppy(host)) errors.push(field.invalid(`${path}.host`, host, NOT_AN_IP));
      checkRule(errors, `${path}.host`, host, host.includes("*") ? wildcardDns1123Subdomain : dns1123Subdomain);
    }
    if (http && !(looseWildcards && host.includes("*"))) validatePaths(errors, `${path}.http`, http.paths);
  }
  const looseSecrets = (old?.tls ?? []).some(({ secretName }) => secretName && dns1123Subdomain(secretName).length > 0);
  for (const [index, tls] of (spec.tls ?? []).entries()) validateTls(errors, `spec.tls[${index}]`, tls, looseSecrets);
  if (spec.ingressClassName !== undefined) checkSubdomain(errors, "spec.ingressClassName", spec.ingressClassName);
}

function hasInvalidPaths(paths: readonly Read<HTTPIngressPath>[] | undefined): boolean {
  const errors: Errors = [];
  if (paths) validatePaths(errors, "", paths);
  return errors.length > 0;
}

function validateTls(errors: Errors, path: string, { hosts, secretName }: Read<IngressTLS>, looseSecrets: boolean): void {
  for (const [index, host] of (hosts ?? []).entries()) {
    checkRule(errors, `${path}.hosts[${index}]`, host, host.includes("*") ? wildcardDns1123Subdomain : dns1123Subdomain);
  }
  if (secretName && !looseSecrets) checkSubdomain(errors, `${path}.secretName`, secretName);
}

function validatePaths(errors: Errors, path: string, paths: readonly Read<HTTPIngressPath>[] | undefined): void {
  if (!paths?.length) errors.push(field.required(`${path}.paths`));
  for (const [index, each] of (paths ?? []).entries()) validatePath(errors, `${path}.paths[${index}]`, each);
}

function validatePath(errors: Errors, at: string, { path = "", pathType, backend }: Read<HTTPIngressPath>): void {
  if (pathType === undefined) {
    errors.push(field.required(`${at}.pathType`, "pathType must be specified"));
    return;
  }
  const refuse = (detail: string) => errors.push(field.invalid(`${at}.path`, path, detail));
  if (pathType === "Exact" || pathType === "Prefix") {
    if (!path.startsWith("/")) refuse("must be an absolute path");
    for (const sequence of INVALID_SEQUENCES) if (path.includes(sequence)) refuse(`must not contain '${sequence}'`);
    for (const suffix of INVALID_SUFFIXES) if (path.endsWith(suffix)) refuse(`cannot end with '${suffix}'`);
  } else if (pathType === "ImplementationSpecific") {
    if (path !== "" && !path.startsWith("/")) refuse("must be an absolute path");
  } else errors.push(field.notSupported(`${at}.pathType`, pathType, PATH_TYPES));
  validateBackend(errors, `${at}.backend`, backend ?? {});
}

function validateBackend(errors: Errors, path: string, { resource, service }: Read<IngressBackend>): void {
  if (resource && service) {
    errors.push(field.invalid(path, "", "cannot set both resource and service backends"));
  } else if (resource) {
    checkLocalReference(errors, `${path}.resource`, resource);
  } else if (service) {
    if (checkRequired(errors, `${path}.service.name`, service.name)) checkDnsLabel(errors, `${path}.service.name`, service.name);
    const { name = "", number = 0 } = service.port ?? {};
    if (name !== "" && number !== 0) errors.push(field.invalid(path, "", "cannot set both port name & port number"));
    else if (name !== "") checkRule(errors, `${path}.service.port.name`, name, portName);
    else if (number !== 0) checkPortNumber(errors, `${path}.service.port.number`, number);
    else errors.push(field.required(path, "port name or number is required"));
  } else errors.push(field.invalid(path, "", "resource or service backend is required"));
}

function validateStatus(errors: Errors, status: Read<IngressStatus> | undefined, old: Read<IngressStatus> | undefined): void {
  const known = new Set((old?.loadBalancer?.ingress ?? []).map(({ ip }) => ip));
  for (const [index, { ip, hostname }] of (status?.loadBalancer?.ingress ?? []).entries()) {
    const path = `status.loadBalancer.ingress[${index}]`;
    if (ip && !known.has(ip)) errors.push(...validateLegacyIp(`${path}.ip`, ip));
    if (!hostname) continue;
    checkSubdomain(errors, `${path}.hostname`, hostname);
    if (parseIpSloppy(hostname)) errors.push(field.invalid(`${path}.hostname`, hostname, NOT_AN_IP));
  }
}
