import { testRows } from "#harness/validation-rows.ts";
import { resourceQuotaHooks } from "./kind.ts";

testRows(
  "quotas",
  resourceQuotaHooks,
  {
    apiVersion: "v1",
    kind: "ResourceQuota",
    metadata: { name: "q", namespace: "ns1" },
    spec: {
      hard: { cpu: "1", "requests.memory": "1Gi", pods: "3", "count/deployments.apps": "2" },
      scopes: ["NotTerminating"],
      scopeSelector: { matchExpressions: [{ scopeName: "PriorityClass", operator: "In", values: ["high"] }] },
    },
  },
  [
    ["spec.hard.pods", "1.5", ['spec.hard[pods]: Invalid value: "1500m": must be an integer']],
    ["spec.hard.cpu", "-1", ['spec.hard[cpu]: Invalid value: "-1": must be greater than or equal to 0']],
    [
      "spec.hard",
      { "Bad!": "1" },
      [
        "spec.hard[Bad!]: Invalid value: \"Bad!\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
        'spec.hard[Bad!]: Invalid value: "Bad!": must be a standard resource for quota',
      ],
    ],
    ["spec.hard", { "nvidia.com/gpu": "1" }, []],
    ["spec.scopes", ["X"], ['spec.scopes: Invalid value: ["X"]: unsupported scope']],
    [
      "spec.scopes",
      ["BestEffort", "NotBestEffort"],
      [
        'spec.scopes: Invalid value: ["BestEffort","NotBestEffort"]: unsupported scope applied to resource',
        'spec.scopes: Invalid value: ["BestEffort","NotBestEffort"]: unsupported scope applied to resource',
        'spec.scopes: Invalid value: ["BestEffort","NotBestEffort"]: conflicting scopes',
      ],
    ],
    [
      "spec.scopes",
      ["Terminating", "NotTerminating"],
      ['spec.scopes: Invalid value: ["Terminating","NotTerminating"]: conflicting scopes'],
    ],
    [
      "spec.scopes",
      ["BestEffort"],
      [
        'spec.scopes: Invalid value: ["BestEffort"]: unsupported scope applied to resource',
        'spec.scopes: Invalid value: ["BestEffort"]: unsupported scope applied to resource',
      ],
    ],
    [
      "spec.scopeSelector.matchExpressions.0.operator",
      "X",
      ['spec.scopeSelector.matchExpressions.operator: Invalid value: "X": not a valid selector operator'],
    ],
    [
      "spec.scopeSelector.matchExpressions.0.values",
      [],
      [
        "spec.scopeSelector.matchExpressions.values: Required value: must be at least one value when `operator` is 'In' or 'NotIn' for scope selector",
      ],
    ],
    [
      "spec.scopeSelector.matchExpressions.0.operator",
      "Exists",
      [
        "spec.scopeSelector.matchExpressions.values: Invalid value: [\"high\"]: must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector",
      ],
    ],
    [
      "spec.scopeSelector.matchExpressions.0.scopeName",
      "X",
      ['spec.scopeSelector.matchExpressions.scopeName: Invalid value: "X": unsupported scope'],
    ],
    [
      "spec.scopeSelector.matchExpressions.0",
      { scopeName: "Terminating", operator: "In", values: ["a"] },
      [
        "spec.scopeSelector.matchExpressions.operator: Invalid value: \"In\": must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity",
      ],
    ],
  ],
);
