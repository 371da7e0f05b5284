import { testRows } from "#harness/validation-rows.ts";
import { flowSchemaHooks } from "./flow-schema/kind.ts";
import { priorityLevelHooks } from "./priority-level-configuration/kind.ts";

testRows(
  "flow schemas",
  flowSchemaHooks,
  {
    apiVersion: "flowcontrol.apiserver.k8s.io/v1",
    kind: "FlowSchema",
    metadata: { name: "f1" },
    spec: {
      matchingPrecedence: 500,
      distinguisherMethod: { type: "ByUser" },
      priorityLevelConfiguration: { name: "pl" },
      rules: [
        {
          subjects: [
            { kind: "ServiceAccount", serviceAccount: { name: "sa", namespace: "ns" } },
            { kind: "User", user: { name: "u" } },
            { kind: "Group", group: { name: "g" } },
          ],
          resourceRules: [
            { verbs: ["get", "list"], apiGroups: ["apps"], resources: ["pods"], namespaces: ["ns"] },
            { verbs: ["*"], apiGroups: ["*"], resources: ["*"], clusterScope: true, namespaces: ["*"] },
          ],
          nonResourceRules: [{ verbs: ["get"], nonResourceURLs: ["/healthz", "/a/*"] }],
        },
      ],
    },
  },
  [
    ["spec.matchingPrecedence", -1, ["spec.matchingPrecedence: Invalid value: -1: must be a positive value"]],
    [
      "spec.matchingPrecedence",
      1,
      ["spec.matchingPrecedence: Invalid value: 1: only the schema named 'exempt' may have matchingPrecedence 1"],
    ],
    ["spec.matchingPrecedence", 20000, ["spec.matchingPrecedence: Invalid value: 20000: must not be greater than 10000"]],
    ["spec.priorityLevelConfiguration.name", "", ["spec.priorityLevelConfiguration.name: Required value: must reference a priority level"]],
    [
      "spec.priorityLevelConfiguration.name",
      "Bad!",
      [
        "spec.priorityLevelConfiguration.name: Invalid value: \"Bad!\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
      ],
    ],
    ["spec.rules.0.subjects", [], ["spec.rules[0].subjects: Required value: subjects must contain at least one value"]],
    [
      "spec.rules.0.subjects.0.kind",
      "Robot",
      ['spec.rules[0].subjects[0].kind: Unsupported value: "Robot": supported values: "Group", "ServiceAccount", "User"'],
    ],
    [
      "spec.rules.0.subjects.0.user",
      { name: "u" },
      ["spec.rules[0].subjects[0].user: Forbidden: user is forbidden when subject kind is not 'User'"],
    ],
    [
      "spec.rules.0.subjects.0.serviceAccount",
      undefined,
      ["spec.rules[0].subjects[0].serviceAccount: Required value: serviceAccount is required when subject kind is 'ServiceAccount'"],
    ],
    [
      "spec.rules.0.subjects.0.serviceAccount.namespace",
      "",
      ["spec.rules[0].subjects[0].serviceAccount.namespace: Required value: must specify namespace for service account"],
    ],
    ["spec.rules.0.subjects.1.user.name", "", ["spec.rules[0].subjects[1].user.name: Required value"]],
    [
      "spec.rules.0.resourceRules.0.verbs",
      [],
      ["spec.rules[0].resourceRules[0].verbs: Required value: verbs must contain at least one value"],
    ],
    [
      "spec.rules.0.resourceRules.0.verbs",
      ["*", "get"],
      ['spec.rules[0].resourceRules[0].verbs: Invalid value: ["*","get"]: if \'*\' is present, must not specify other verbs'],
    ],
    [
      "spec.rules.0.resourceRules.0.verbs",
      ["fly"],
      [
        'spec.rules[0].resourceRules[0].verbs: Unsupported value: ["fly"]: supported values: "create", "delete", "deletecollection", "get", "list", "patch", "proxy", "update", "watch"',
      ],
    ],
    [
      "spec.rules.0.resourceRules.0.apiGroups",
      ["*", "a"],
      ['spec.rules[0].resourceRules[0].apiGroups: Invalid value: ["*","a"]: if \'*\' is present, must not specify other api groups'],
    ],
    [
      "spec.rules.0.resourceRules.0.namespaces",
      [],
      [
        "spec.rules[0].resourceRules[0].namespaces: Required value: resource rules that are not cluster scoped must supply at least one namespace",
      ],
    ],
    [
      "spec.rules.0.resourceRules.0.namespaces",
      ["Bad"],
      [
        "spec.rules[0].resourceRules[0].namespaces[0]: Invalid value: \"Bad\": each member of this list must be '*' or a DNS-1123 label; a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
      ],
    ],
    [
      "spec.rules.0.nonResourceRules.0.nonResourceURLs.0",
      "a",
      ['spec.rules[0].nonResourceRules[0].nonResourceURLs[0]: Invalid value: "a": must start with slash'],
    ],
    [
      "spec.rules.0.nonResourceRules.0.nonResourceURLs.0",
      "/a*",
      ['spec.rules[0].nonResourceRules[0].nonResourceURLs[0]: Invalid value: "/a*": wildcard can only do suffix matching'],
    ],
  ],
);

testRows(
  "priority levels",
  priorityLevelHooks,
  {
    apiVersion: "flowcontrol.apiserver.k8s.io/v1",
    kind: "PriorityLevelConfiguration",
    metadata: { name: "p1" },
    spec: {
      type: "Limited",
      limited: {
        nominalConcurrencyShares: 10,
        lendablePercent: 20,
        borrowingLimitPercent: 5,
        limitResponse: { type: "Queue", queuing: { queues: 64, handSize: 6, queueLengthLimit: 50 } },
      },
    },
  },
  [
    ["spec.type", "X", ['spec.type: Unsupported value: "X": supported values: "Exempt", "Limited"']],
    [
      "spec.type",
      "Exempt",
      [
        "spec.type: Invalid value: \"Exempt\": must be 'Exempt' if and only if `name` is 'exempt'",
        "spec.limited: Forbidden: must be nil if the type is not Limited",
      ],
    ],
    ["spec.limited", undefined, ["spec.limited: Required value: must not be empty when type is Limited"]],
    ["spec.exempt", {}, ["spec.exempt: Forbidden: must be nil if the type is Limited"]],
    [
      "spec.limited.nominalConcurrencyShares",
      -1,
      ["spec.limited.nominalConcurrencyShares: Invalid value: -1: must be a non-negative integer"],
    ],
    ["spec.limited.lendablePercent", 101, ["spec.limited.lendablePercent: Invalid value: 101: must be between 0 and 100, inclusive"]],
    [
      "spec.limited.borrowingLimitPercent",
      -1,
      ["spec.limited.borrowingLimitPercent: Invalid value: -1: if specified, must be a non-negative integer"],
    ],
    [
      "spec.limited.limitResponse.type",
      "Reject",
      ["spec.limited.limitResponse.queuing: Forbidden: must be nil if limited.limitResponse.type is not Limited"],
    ],
    [
      "spec.limited.limitResponse.queuing",
      undefined,
      ["spec.limited.limitResponse.queuing: Required value: must not be empty if limited.limitResponse.type is Limited"],
    ],
    [
      "spec.limited.limitResponse.queuing.queues",
      -1,
      [
        "spec.limited.limitResponse.queuing.queues: Invalid value: -1: must be positive",
        "spec.limited.limitResponse.queuing.handSize: Invalid value: 6: should not be greater than queues (-1)",
      ],
    ],
    [
      "spec.limited.limitResponse.queuing.handSize",
      65,
      ["spec.limited.limitResponse.queuing.handSize: Invalid value: 65: should not be greater than queues (64)"],
    ],
    [
      "spec.limited.limitResponse.queuing.handSize",
      11,
      [
        "spec.limited.limitResponse.queuing.handSize: Invalid value: 11: required entropy bits of deckSize 64 and handSize 11 should not be greater than 60",
      ],
    ],
  ],
);
