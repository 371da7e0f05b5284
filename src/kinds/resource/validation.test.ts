import { testRows } from "#harness/validation-rows.ts";
import { acceptExpression } from "#kinds/shared/expressions.ts";
import { resourceClaimHooks } from "./resource-claim/kind.ts";
import { resourceSliceHooks } from "./resource-slice/kind.ts";
import { deviceClassHooks } from "./device-class/kind.ts";

testRows(
  "claims",
  resourceClaimHooks(acceptExpression),
  {
    apiVersion: "resource.k8s.io/v1",
    kind: "ResourceClaim",
    metadata: { name: "c" },
    spec: {
      devices: {
        requests: [
          {
            name: "r1",
            exactly: {
              deviceClassName: "gpu.example.com",
              allocationMode: "ExactCount",
              count: 2,
              selectors: [{ cel: { expression: "true" } }],
              tolerations: [
                { key: "k", operator: "Equal", value: "v", effect: "NoSchedule" },
                { key: "k2", operator: "Exists", effect: "NoExecute", tolerationSeconds: 3 },
              ],
              capacity: { requests: { mem: "1Gi", "a.example.com/x": "2" } },
            },
          },
          {
            name: "r2",
            firstAvailable: [
              { name: "s1", deviceClassName: "gpu", allocationMode: "All" },
              { name: "s2", deviceClassName: "gpu", selectors: [{ cel: { expression: "true" } }] },
            ],
          },
        ],
        constraints: [{ requests: ["r1", "r2/s1"], matchAttribute: "example.com/attr" }, { distinctAttribute: "example.com/b" }],
        config: [{ requests: ["r1"], opaque: { driver: "d.example.com", parameters: { a: 1 } } }],
      },
    },
  },
  [
    [
      "spec.devices.requests.0.name",
      "Bad",
      [
        "spec.devices.requests[0].name: Invalid value: \"Bad\": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
        "spec.devices.constraints[0].requests[0]: Invalid value: \"r1\": must be the name of a request in the claim or the name of a request and a subrequest separated by '/'",
        "spec.devices.config[0].requests[0]: Invalid value: \"r1\": must be the name of a request in the claim or the name of a request and a subrequest separated by '/'",
      ],
    ],
    [
      "spec.devices.requests.0.exactly",
      undefined,
      ["spec.devices.requests[0]: Required value: exactly one of `exactly` or `firstAvailable` is required"],
    ],
    ["spec.devices.requests.0.exactly.deviceClassName", "", ["spec.devices.requests[0].exactly.deviceClassName: Required value"]],
    ["spec.devices.requests.0.exactly.count", -1, ["spec.devices.requests[0].exactly.count: Invalid value: -1: must be greater than zero"]],
    [
      "spec.devices.requests.0.exactly.allocationMode",
      "All",
      ["spec.devices.requests[0].exactly.count: Invalid value: 2: must not be specified when allocationMode is 'All'"],
    ],
    ["spec.devices.requests.0.exactly.selectors.0.cel", undefined, ["spec.devices.requests[0].exactly.selectors[0].cel: Required value"]],
    [
      "spec.devices.requests.0.exactly.tolerations.0.operator",
      "X",
      ['spec.devices.requests[0].exactly.tolerations[0].operator: Unsupported value: "X": supported values: "Equal", "Exists"'],
    ],
    [
      "spec.devices.requests.0.exactly.tolerations.1.value",
      "v",
      ['spec.devices.requests[0].exactly.tolerations[1].value: Invalid value: "v": must be empty for operator `Exists`'],
    ],
    ["spec.devices.requests.1.firstAvailable.1.name", "s1", ['spec.devices.requests[1].firstAvailable[1]: Duplicate value: "s1"']],
    [
      "spec.devices.constraints.0.requests.0",
      "r9",
      [
        "spec.devices.constraints[0].requests[0]: Invalid value: \"r9\": must be the name of a request in the claim or the name of a request and a subrequest separated by '/'",
      ],
    ],
    [
      "spec.devices.constraints.0.matchAttribute",
      "nodomain",
      [
        'spec.devices.constraints[0].matchAttribute: Invalid value: "nodomain": a fully qualified name must be a domain and a name separated by a slash',
      ],
    ],
    [
      "spec.devices.constraints.1.distinctAttribute",
      undefined,
      [
        'spec.devices.constraints[1]: Required value: exactly one of "matchAttribute" or "distinctAttribute" is required, but multiple fields are set',
      ],
    ],
    ["spec.devices.config.0.opaque", undefined, ["spec.devices.config[0].opaque: Required value"]],
    ["spec.devices.config.0.opaque.driver", "", ["spec.devices.config[0].opaque.driver: Required value"]],
    [
      "spec.devices.config.0.opaque.parameters",
      [1],
      ['spec.devices.config[0].opaque.parameters: Invalid value: "<value omitted>": must be a valid JSON object'],
    ],
  ],
);

testRows(
  "slices",
  resourceSliceHooks,
  {
    apiVersion: "resource.k8s.io/v1",
    kind: "ResourceSlice",
    metadata: { name: "c" },
    spec: {
      driver: "d.example.com",
      pool: { name: "p/q", generation: 1, resourceSliceCount: 2 },
      nodeName: "n1",
      devices: [
        {
          name: "d1",
          attributes: { a: { string: "x" }, "b.example.com/c": { version: "1.2.3" }, i: { int: 3 }, t: { bool: true } },
          capacity: { mem: { value: "10Gi" }, "x.example.com/y": { value: "10" } },
          taints: [{ key: "k", value: "v", effect: "NoSchedule" }],
          bindsToNode: true,
          bindingConditions: ["A"],
          bindingFailureConditions: ["B"],
          consumesCounters: [{ counterSet: "cs", counters: { c1: { value: "1" } } }],
        },
        {
          name: "d2",
          allowMultipleAllocations: true,
          capacity: {
            mem: { value: "10Gi", requestPolicy: { default: "1Gi", validValues: ["1Gi", "2Gi"] } },
            o: { value: "10", requestPolicy: { default: "2", validRange: { min: "2", max: "8", step: "2" } } },
          },
        },
      ],
    },
  },
  [
    ["spec.driver", "", ["spec.driver: Required value"]],
    [
      "spec.pool.name",
      "a//b",
      [
        "spec.pool.name: Invalid value: \"\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
      ],
    ],
    ["spec.pool.resourceSliceCount", 0, ["spec.pool.resourceSliceCount: Invalid value: 0: must be greater than zero"]],
    ["spec.pool.generation", -1, ["spec.pool.generation: Invalid value: -1: must be greater than or equal to zero"]],
    [
      "spec.nodeName",
      undefined,
      ["spec: Required value: exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required"],
    ],
    [
      "spec.allNodes",
      true,
      [
        'spec: Invalid value: "{`nodeName`, `allNodes`}": exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required, but multiple fields are set',
      ],
    ],
    ["spec.allNodes", false, ["spec.allNodes: Invalid value: false: must be either unset or set to true"]],
    ["spec.devices.1.name", "d1", ['spec.devices[1]: Duplicate value: "d1"']],
    ["spec.devices.0.attributes.a", {}, ['spec.devices[0].attributes[a]: Invalid value: "": exactly one value must be specified']],
    ["spec.devices.0.taints.0.effect", "", ["spec.devices[0].taints[0].effect: Required value"]],
    [
      "spec.devices.0.taints.0.effect",
      "X",
      ['spec.devices[0].taints[0].effect: Unsupported value: "X": supported values: "NoExecute", "NoSchedule", "None"'],
    ],
    [
      "spec.devices.0.bindingConditions",
      undefined,
      ["spec.devices[0].bindingConditions: Invalid value: null: bindingConditions are required to use bindingFailureConditions"],
    ],
    [
      "spec.devices.0.bindingFailureConditions.0",
      "A",
      ['spec.devices[0].bindingFailureConditions[0]: Invalid value: "A": bindingFailureConditions must not overlap with bindingConditions'],
    ],
    [
      "spec.devices.0.nodeName",
      "n",
      [
        "spec.devices[0]: Invalid value: null: `nodeName`, `nodeSelector` and `allNodes` can only be set if `perDeviceNodeSelection` is set to true in the ResourceSlice spec",
      ],
    ],
    ["spec.devices.0.consumesCounters.0.counters", {}, ["spec.devices[0].consumesCounters[0].counters: Required value"]],
    [
      "spec.devices.1.allowMultipleAllocations",
      false,
      [
        "spec.devices[1].capacity[mem].requestPolicy: Forbidden: allowMultipleAllocations must be true",
        "spec.devices[1].capacity[o].requestPolicy: Forbidden: allowMultipleAllocations must be true",
      ],
    ],
    [
      "spec.devices.1.capacity.mem.requestPolicy.default",
      "5Gi",
      [
        'spec.devices[1].capacity[mem].requestPolicy.validValues: Invalid value: "5Gi": default value is not valid according to the requestPolicy',
      ],
    ],
    [
      "spec.devices.1.capacity.o.requestPolicy.validRange.min",
      "20",
      [
        'spec.devices[1].capacity[o].requestPolicy.validRange.min: Invalid value: "20": min is larger than capacity value: 10',
        'spec.devices[1].capacity[o].requestPolicy.validRange.min: Invalid value: "2": default is less than min: 20',
        'spec.devices[1].capacity[o].requestPolicy.validRange.max: Invalid value: "20": min is larger than max: 8',
        'spec.devices[1].capacity[o].requestPolicy.validRange.step: Invalid value: "2": one step 22 is larger than capacity value: 10',
      ],
    ],
  ],
);

testRows(
  "classes",
  deviceClassHooks(acceptExpression),
  {
    apiVersion: "resource.k8s.io/v1",
    kind: "DeviceClass",
    metadata: { name: "c" },
    spec: {
      selectors: [{ cel: { expression: "true" } }],
      config: [{ opaque: { driver: "d", parameters: { a: 1 } } }],
      extendedResourceName: "example.com/gpu",
    },
  },
  [
    ["spec.extendedResourceName", "cpu", ['spec.extendedResourceName: Invalid value: "cpu": must be a valid extended resource name']],
    ["spec.config.0.opaque.parameters", undefined, ["spec.config[0].opaque.parameters: Required value"]],
    ["spec.selectors.0.cel", undefined, ["spec.selectors[0].cel: Required value"]],
  ],
);
