// The flow schemas and priority levels every cluster has. Facts are upstream's; the mandatory ones must stay as they are.

import type { FlowSchema, PolicyRulesWithSubjects, PriorityLevelConfiguration, Subject } from "#kinds/api/flowcontrol-v1.gen.ts";

const API_VERSION = "flowcontrol.apiserver.k8s.io/v1";
export const AUTO_UPDATE_ANNOTATION = "apf.kubernetes.io/autoupdate-spec";
const EVERYBODY = ["system:unauthenticated", "system:authenticated"];

export interface FlowControlBootstrap {
  readonly priorityLevels: readonly PriorityLevelConfiguration[];
  readonly flowSchemas: readonly FlowSchema[];
}

/** What must be there, exactly so. */
export function mandatoryFlowControl(): FlowControlBootstrap {
  return {
    priorityLevels: [
      priorityLevel("catch-all", {
        type: "Limited",
        limited: { nominalConcurrencyShares: 5, lendablePercent: 0, limitResponse: { type: "Reject" } },
      }),
      priorityLevel("exempt", { type: "Exempt", exempt: { nominalConcurrencyShares: 0, lendablePercent: 0 } }),
    ],
    flowSchemas: [
      flowSchema("exempt", "exempt", 1, undefined, everything(groups("system:masters"))),
      flowSchema("catch-all", "catch-all", 10_000, "ByUser", everything(groups(...EVERYBODY))),
    ],
  };
}

/** What is there at first, and kept so as long as its annotation says so. */
export function suggestedFlowControl(): FlowControlBootstrap {
  const nodes = groups("system:nodes");
  return {
    priorityLevels: [
      queuing("system", 30, 33, 64, 6),
      queuing("node-high", 40, 25, 64, 6),
      queuing("leader-election", 10, 0, 16, 4),
      queuing("workload-high", 40, 50, 128, 6),
      queuing("workload-low", 100, 90, 128, 6),
      queuing("global-default", 20, 50, 128, 6),
    ],
    flowSchemas: [
      flowSchema("system-nodes", "system", 500, "ByUser", everything(nodes)),
      flowSchema("system-node-high", "node-high", 400, "ByUser", {
        subjects: nodes,
        resourceRules: [
          { verbs: ["*"], apiGroups: [""], resources: ["nodes", "nodes/status"], clusterScope: true, namespaces: ["*"] },
          { verbs: ["*"], apiGroups: ["coordination.k8s.io"], resources: ["leases"], namespaces: ["*"] },
        ],
      }),
      flowSchema("probes", "exempt", 2, undefined, {
        subjects: groups(...EVERYBODY),
        nonResourceRules: [{ verbs: ["get"], nonResourceURLs: ["/healthz", "/readyz", "/livez"] }],
      }),
      flowSchema("system-leader-election", "leader-election", 100, "ByUser", {
        subjects: [...users("system:kube-controller-manager", "system:kube-scheduler"), ...systemAccounts()],
        resourceRules: [
          { verbs: ["get", "create", "update"], apiGroups: ["coordination.k8s.io"], resources: ["leases"], namespaces: ["*"] },
        ],
      }),
      flowSchema("kube-controller-manager", "workload-high", 800, "ByNamespace", everything(users("system:kube-controller-manager"))),
      flowSchema("kube-scheduler", "workload-high", 800, "ByNamespace", everything(users("system:kube-scheduler"))),
      flowSchema("kube-system-service-accounts", "workload-high", 900, "ByNamespace", everything(systemAccounts())),
      flowSchema("service-accounts", "workload-low", 9000, "ByUser", everything(groups("system:serviceaccounts"))),
      flowSchema("global-default", "global-default", 9900, "ByUser", everything(groups(...EVERYBODY))),
    ],
  };
}

const metadata = (name: string) => ({ name, annotations: { [AUTO_UPDATE_ANNOTATION]: "true" } });

function priorityLevel(name: string, spec: NonNullable<PriorityLevelConfiguration["spec"]>): PriorityLevelConfiguration {
  return { apiVersion: API_VERSION, kind: "PriorityLevelConfiguration", metadata: metadata(name), spec };
}

function queuing(name: string, shares: number, lendablePercent: number, queues: number, handSize: number): PriorityLevelConfiguration {
  return priorityLevel(name, {
    type: "Limited",
    limited: {
      nominalConcurrencyShares: shares,
      lendablePercent,
      limitResponse: { type: "Queue", queuing: { queues, handSize, queueLengthLimit: 50 } },
    },
  });
}

function flowSchema(
  name: string,
  level: string,
  matchingPrecedence: number,
  distinguisher: string | undefined,
  rules: PolicyRulesWithSubjects,
): FlowSchema {
  return {
    apiVersion: API_VERSION,
    kind: "FlowSchema",
    metadata: metadata(name),
    spec: {
      priorityLevelConfiguration: { name: level },
      matchingPrecedence,
      ...(distinguisher === undefined ? {} : { distinguisherMethod: { type: distinguisher } }),
      rules: [rules],
    },
  };
}

function everything(subjects: Subject[]): PolicyRulesWithSubjects {
  return {
    subjects,
    resourceRules: [{ verbs: ["*"], apiGroups: ["*"], resources: ["*"], clusterScope: true, namespaces: ["*"] }],
    nonResourceRules: [{ verbs: ["*"], nonResourceURLs: ["*"] }],
  };
}

const groups = (...names: string[]): Subject[] => names.map((name) => ({ kind: "Group", group: { name } }));
const users = (...names: string[]): Subject[] => names.map((name) => ({ kind: "User", user: { name } }));
const systemAccounts = (): Subject[] => [{ kind: "ServiceAccount", serviceAccount: { name: "*", namespace: "kube-system" } }];
