// A short way to write policy rules, since the bootstrap policy holds hundreds. Values are lists separated by spaces.

import type { PolicyRule } from "#kinds/api/rbac-v1.gen.ts";

export const READ = "get list watch";
export const WRITE = "create delete deletecollection patch update";
export const READ_WRITE = `${READ} ${WRITE}`;
export const READ_UPDATE = `${READ} patch update`;

/** Full names of groups that rules mention by a short one; others are written as they are. */
const GROUPS: Readonly<Record<string, string>> = {
  core: "",
  admissionregistration: "admissionregistration.k8s.io",
  authentication: "authentication.k8s.io",
  authorization: "authorization.k8s.io",
  certificates: "certificates.k8s.io",
  coordination: "coordination.k8s.io",
  discovery: "discovery.k8s.io",
  events: "events.k8s.io",
  metrics: "metrics.k8s.io",
  networking: "networking.k8s.io",
  node: "node.k8s.io",
  rbac: "rbac.authorization.k8s.io",
  resource: "resource.k8s.io",
  storage: "storage.k8s.io",
};

const list = (text: string): string[] => text.split(" ").toSorted();

/** A rule for resources. Values end up sorted, as upstream stores them. */
export function rule(verbs: string, groups: string, resources: string, names?: string): PolicyRule {
  return {
    apiGroups: list(groups).map((group) => GROUPS[group] ?? group),
    ...(names === undefined ? {} : { resourceNames: list(names) }),
    resources: list(resources),
    verbs: list(verbs),
  };
}

/** A rule for paths. */
export function urls(verbs: string, paths: string): PolicyRule {
  return { nonResourceURLs: list(paths), verbs: list(verbs) };
}

/** What everything that records events may do. */
export const recordEvents: PolicyRule = rule("create patch update", "core events", "events");
