// The arithmetic of RBAC rules: matching a request, covering one set of rules by another, wording what is missing. Pure.

import type { DeepReadonly } from "#meta/object.ts";
import { quote } from "#meta/errors.ts";

/** rbac/v1 PolicyRule. Verbs, groups and resources may be `*`; resources may be `*` + `/subresource`; URLs may end in `*`. */
export interface PolicyRule {
  verbs: string[];
  apiGroups?: string[];
  resources?: string[];
  resourceNames?: string[];
  nonResourceURLs?: string[];
}

type Rule = DeepReadonly<PolicyRule>;

/** The part of a request that rules speak of. */
export interface RuleTarget {
  readonly verb: string;
  readonly isResourceRequest: boolean;
  readonly apiGroup: string;
  readonly resource: string;
  readonly subresource: string;
  readonly name: string;
  readonly path: string;
}

/** Rules in a form that answers in a few map look-ups. */
export interface CompiledRules {
  readonly allow: (target: RuleTarget) => boolean;
}

interface Matcher {
  /** Undefined: all. */
  readonly verbs: ReadonlySet<string> | undefined;
  readonly groups: ReadonlySet<string> | undefined;
  readonly names: ReadonlySet<string> | undefined;
}

/** Compiles rules; keep the result as long as the rules do not change. */
export function compileRules(rules: readonly Rule[]): CompiledRules {
  const byResource = new Map<string, Matcher[]>();
  const byUrl: { readonly url: string; readonly verbs: ReadonlySet<string> | undefined }[] = [];
  for (const rule of rules) {
    const verbs = setOrAll(rule.verbs);
    for (const url of rule.nonResourceURLs ?? []) byUrl.push({ url, verbs });
    const names = rule.resourceNames && rule.resourceNames.length > 0 ? new Set(rule.resourceNames) : undefined;
    const matcher = { verbs, groups: setOrAll(rule.apiGroups ?? []), names };
    for (const resource of rule.resources ?? []) {
      const list = byResource.get(resource);
      if (list) list.push(matcher);
      else byResource.set(resource, [matcher]);
    }
  }
  const matches = (key: string, target: RuleTarget): boolean => {
    const list = byResource.get(key);
    if (!list) return false;
    for (const { verbs, groups, names } of list) {
      if (verbs && !verbs.has(target.verb)) continue;
      if (groups && !groups.has(target.apiGroup)) continue;
      if (names && !names.has(target.name)) continue;
      return true;
    }
    return false;
  };
  return {
    allow(target) {
      if (!target.isResourceRequest) {
        return byUrl.some(({ url, verbs }) => (!verbs || verbs.has(target.verb)) && urlCovers(url, target.path));
      }
      if (target.subresource === "") return matches(target.resource, target) || matches("*", target);
      return (
        matches(`${target.resource}/${target.subresource}`, target) || matches("*", target) || matches(`*/${target.subresource}`, target)
      );
    },
  };
}

function setOrAll(values: readonly string[]): ReadonlySet<string> | undefined {
  return values.includes("*") ? undefined : new Set(values);
}

function urlCovers(pattern: string, path: string): boolean {
  return pattern === path || pattern === "*" || (pattern.endsWith("*") && path.startsWith(pattern.replace(/\*+$/, "")));
}

/** The parts of `wanted` that `held` does not grant, each with one verb, one resource or URL, and at most one name. */
export function missingRules(held: readonly Rule[], wanted: readonly Rule[]): PolicyRule[] {
  return wanted.flatMap(breakDown).filter((part) => !held.some((rule) => covers(rule, part)));
}

function breakDown(rule: Rule): PolicyRule[] {
  const parts: PolicyRule[] = [];
  for (const group of rule.apiGroups ?? []) {
    for (const resource of rule.resources ?? []) {
      for (const verb of rule.verbs) {
        const part: PolicyRule = { apiGroups: [group], resources: [resource], verbs: [verb] };
        if (rule.resourceNames && rule.resourceNames.length > 0) {
          for (const name of rule.resourceNames) parts.push({ ...part, resourceNames: [name] });
        } else parts.push(part);
      }
    }
  }
  for (const url of rule.nonResourceURLs ?? []) for (const verb of rule.verbs) parts.push({ nonResourceURLs: [url], verbs: [verb] });
  return parts;
}

/** Whether `rule` grants all of `part`, which breakDown made. */
function covers(rule: Rule, part: PolicyRule): boolean {
  const has = (set: readonly string[] | undefined, values: readonly string[] | undefined) =>
    (set ?? []).includes("*") || (values ?? []).every((value) => set?.includes(value));
  if (!has(rule.verbs, part.verbs) || !has(rule.apiGroups, part.apiGroups)) return false;
  const resources = part.resources?.every(
    (resource) =>
      has(rule.resources, [resource]) || (resource.includes("/") && rule.resources?.includes(`*${resource.slice(resource.indexOf("/"))}`)),
  );
  if (resources === false) return false;
  if (rule.resourceNames && rule.resourceNames.length > 0) {
    if (!part.resourceNames || !part.resourceNames.every((name) => rule.resourceNames?.includes(name))) return false;
  }
  return (part.nonResourceURLs ?? []).every((url) => rule.nonResourceURLs?.some((pattern) => urlCovers(pattern, url)));
}

/** Upstream's sorted one-line descriptions, rules of one resource joined by their verbs. */
export function describeRules(rules: readonly PolicyRule[]): string[] {
  const compact: PolicyRule[] = [];
  const byResource = new Map<string, PolicyRule>();
  for (const rule of rules) {
    if (
      rule.apiGroups?.length !== 1 ||
      rule.resources?.length !== 1 ||
      (rule.resourceNames?.length ?? 0) > 1 ||
      rule.nonResourceURLs?.length
    ) {
      compact.push(rule);
      continue;
    }
    const key = JSON.stringify([rule.apiGroups, rule.resources, rule.resourceNames]);
    const seen = byResource.get(key);
    if (seen) seen.verbs.push(...rule.verbs);
    else {
      const copy = { ...rule, verbs: [...rule.verbs] };
      byResource.set(key, copy);
      compact.push(copy);
    }
  }
  return [...new Set(compact.map(describeRule))].toSorted();
}

function describeRule(rule: PolicyRule): string {
  const list = (name: string, values: readonly string[] | undefined) =>
    values && values.length > 0 ? [`${name}:[${values.map(quote).join(" ")}]`] : [];
  return `{${[
    ...list("APIGroups", rule.apiGroups),
    ...list("Resources", rule.resources),
    ...list("NonResourceURLs", rule.nonResourceURLs),
    ...list("ResourceNames", rule.resourceNames),
    ...list("Verbs", rule.verbs),
  ].join(", ")}}`;
}
