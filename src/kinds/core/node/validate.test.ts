import { testRows } from "#harness/validation-rows.ts";
import { nodeHooks } from "./kind.ts";

testRows(
  "nodes",
  nodeHooks,
  {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name: "n" },
    spec: { podCIDRs: ["10.0.0.0/24", "fd00::/64"], providerID: "x://1", taints: [{ key: "a", value: "b", effect: "NoSchedule" }] },
    status: {
      capacity: { cpu: "4", pods: "110", "example.com/gpu": "2" },
      allocatable: { cpu: "3500m" },
      addresses: [
        { type: "InternalIP", address: "10.0.0.1" },
        { type: "Hostname", address: "n" },
      ],
      declaredFeatures: ["A", "B"],
    },
  },
  [
    [
      "spec.taints.0.key",
      "Bad Key",
      [
        "metadata.taints[0].key: Invalid value: \"Bad Key\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
      ],
    ],
    [
      "spec.taints.0.effect",
      "X",
      ['metadata.taints[0].effect: Unsupported value: "X": supported values: "NoSchedule", "PreferNoSchedule", "NoExecute"'],
    ],
    [
      "spec.taints.0.value",
      "a b",
      [
        "metadata.taints[0].value: Invalid value: \"a b\": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
      ],
    ],
    [
      "spec.podCIDRs",
      ["10.0.1.0/24", "fd00::/64"],
      ['spec.podCIDRs: Forbidden: node updates may not change podCIDR except from "" to valid'],
    ],
    ["spec.podCIDRs", ["10.0.0.0/24"], ['spec.podCIDRs: Forbidden: node updates may not change podCIDR except from "" to valid']],
    [
      "spec.podCIDRs.0",
      "bad",
      [
        'spec.podCIDRs[0]: Invalid value: "bad": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)',
        "spec.podCIDRs: Internal error: invalid PodCIDRs. failed to check with dual stack with error:invalid CIDR[0]: <nil> (invalid CIDR address: bad)",
        'spec.podCIDRs: Invalid value: ["bad","fd00::/64"]: may specify no more than one CIDR for each IP family',
        'spec.podCIDRs: Forbidden: node updates may not change podCIDR except from "" to valid',
      ],
    ],
    [
      "spec.podCIDRs",
      ["10.0.0.0/24", "10.0.1.0/24"],
      [
        'spec.podCIDRs: Invalid value: ["10.0.0.0/24","10.0.1.0/24"]: may specify no more than one CIDR for each IP family',
        'spec.podCIDRs: Forbidden: node updates may not change podCIDR except from "" to valid',
      ],
    ],
    ["spec.providerID", "y", ['spec.providerID: Forbidden: node updates may not change providerID except from "" to valid']],
    ["spec.externalID", "e", ["spec.externalID: Forbidden: may not be updated"]],
    ["status.capacity.pods", "1.5", ['status.capacity.pods: Invalid value: "1500m": must be an integer']],
    ["status.capacity.cpu", "-1", ['status.capacity.cpu: Invalid value: "-1": must be greater than or equal to 0']],
    ["status.declaredFeatures", ["B", "A"], ['status.declaredFeatures[1]: Invalid value: "A": list must be sorted alphabetically']],
    [
      "status.declaredFeatures",
      ["a"],
      [
        'status.declaredFeatures[0]: Invalid value: "a": invalid feature name "a": must start with an UpperCamelCase segment, with subsequent segments separated by \'/\' (e.g., MyFeature or MyFeature/mySubFeature), and contain only alphanumeric characters and slashes',
      ],
    ],
    ["spec.unschedulable", true, []],
  ],
  { update: true },
);
