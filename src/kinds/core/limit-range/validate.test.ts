import { testRows } from "#harness/validation-rows.ts";
import { limitRangeHooks } from "./kind.ts";

testRows(
  "limit ranges",
  limitRangeHooks,
  {
    apiVersion: "v1",
    kind: "LimitRange",
    metadata: { name: "l", namespace: "ns1" },
    spec: {
      limits: [
        {
          type: "Container",
          max: { cpu: "2", memory: "2Gi" },
          min: { cpu: "100m" },
          default: { cpu: "1" },
          defaultRequest: { cpu: "200m" },
          maxLimitRequestRatio: { cpu: "10" },
        },
        { type: "Pod", max: { cpu: "4" }, min: { cpu: "1m" }, maxLimitRequestRatio: { cpu: "2" } },
        { type: "PersistentVolumeClaim", max: { storage: "1Gi" }, min: { storage: "1Mi" } },
      ],
    },
  },
  [
    ["spec.limits.0.type", "Bad", ['spec.limits[0].type: Invalid value: "Bad": must be a standard limit type or fully qualified']],
    [
      "spec.limits.0.type",
      "Pod",
      [
        "spec.limits[0].default: Forbidden: may not be specified when `type` is 'Pod'",
        "spec.limits[0].defaultRequest: Forbidden: may not be specified when `type` is 'Pod'",
        'spec.limits[1].type: Duplicate value: "Pod"',
      ],
    ],
    [
      "spec.limits.0.min.cpu",
      "3",
      [
        'spec.limits[0].min[cpu]: Invalid value: "3": min value 3 is greater than max value 2',
        'spec.limits[0].defaultRequest[cpu]: Invalid value: "200m": min value 3 is greater than default request value 200m',
        'spec.limits[0].default[cpu]: Invalid value: "3": min value 3 is greater than default value 1',
        'spec.limits[0].maxLimitRequestRatio[cpu]: Invalid value: "10": ratio 10 is greater than max/min = 0.666667',
      ],
    ],
    [
      "spec.limits.0.min.cpu",
      "300m",
      [
        'spec.limits[0].defaultRequest[cpu]: Invalid value: "200m": min value 300m is greater than default request value 200m',
        'spec.limits[0].maxLimitRequestRatio[cpu]: Invalid value: "10": ratio 10 is greater than max/min = 6.666667',
      ],
    ],
    ["spec.limits.0.default.cpu", "3", ['spec.limits[0].default[cpu]: Invalid value: "2": default value 3 is greater than max value 2']],
    [
      "spec.limits.0.default.cpu",
      "50m",
      [
        'spec.limits[0].defaultRequest[cpu]: Invalid value: "200m": default request value 200m is greater than default limit value 50m',
        'spec.limits[0].default[cpu]: Invalid value: "100m": min value 100m is greater than default value 50m',
      ],
    ],
    [
      "spec.limits.0.defaultRequest.cpu",
      "3",
      [
        'spec.limits[0].defaultRequest[cpu]: Invalid value: "3": default request value 3 is greater than max value 2',
        'spec.limits[0].defaultRequest[cpu]: Invalid value: "3": default request value 3 is greater than default limit value 1',
      ],
    ],
    [
      "spec.limits.0.maxLimitRequestRatio.cpu",
      "30",
      ['spec.limits[0].maxLimitRequestRatio[cpu]: Invalid value: "30": ratio 30 is greater than max/min = 20.000000'],
    ],
    [
      "spec.limits.0.maxLimitRequestRatio.cpu",
      "500m",
      ['spec.limits[0].maxLimitRequestRatio[cpu]: Invalid value: "500m": ratio 500m is less than 1'],
    ],
    [
      "spec.limits.0.max",
      { "Bad!": "1" },
      [
        "spec.limits[0].max[Bad!]: Invalid value: \"Bad!\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
        'spec.limits[0].max[Bad!]: Invalid value: "Bad!": must be a standard resource for containers',
        "spec.limits[0].default[Bad!]: Invalid value: \"Bad!\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
        'spec.limits[0].default[Bad!]: Invalid value: "Bad!": must be a standard resource for containers',
        "spec.limits[0].defaultRequest[Bad!]: Invalid value: \"Bad!\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
        'spec.limits[0].defaultRequest[Bad!]: Invalid value: "Bad!": must be a standard resource for containers',
      ],
    ],
    ["spec.limits.1.default", { cpu: "1" }, ["spec.limits[1].default: Forbidden: may not be specified when `type` is 'Pod'"]],
    ["spec.limits.1.defaultRequest", { cpu: "1" }, ["spec.limits[1].defaultRequest: Forbidden: may not be specified when `type` is 'Pod'"]],
    ["spec.limits.2.max", {}, []],
    [
      "spec.limits.2",
      { type: "PersistentVolumeClaim" },
      ["spec.limits[2].limits: Required value: either minimum or maximum storage value is required, but neither was provided"],
    ],
    ["spec.limits.2.type", "example.com/x", []],
  ],
);
