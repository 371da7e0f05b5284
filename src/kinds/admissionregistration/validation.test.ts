import { testRows } from "#harness/validation-rows.ts";
import { acceptExpression } from "#kinds/shared/expressions.ts";
import { validatingWebhookHooks } from "./validating-webhook-configuration/kind.ts";
import { validatingPolicyHooks } from "./validating-admission-policy/kind.ts";
import { mutatingPolicyHooks } from "./mutating-admission-policy/kind.ts";
import { validatingPolicyBindingHooks } from "./validating-admission-policy-binding/kind.ts";

testRows(
  "webhooks",
  validatingWebhookHooks(acceptExpression),
  {
    apiVersion: "admissionregistration.k8s.io/v1",
    kind: "ValidatingWebhookConfiguration",
    metadata: { name: "w" },
    webhooks: [
      {
        name: "a.example.com",
        clientConfig: { url: "https://example.com/path", caBundle: "YWJj" },
        rules: [
          {
            operations: ["CREATE", "UPDATE"],
            apiGroups: ["apps"],
            apiVersions: ["v1"],
            resources: ["deployments", "pods/status", "*/scale"],
            scope: "Namespaced",
          },
        ],
        failurePolicy: "Ignore",
        matchPolicy: "Exact",
        namespaceSelector: { matchLabels: { a: "b" }, matchExpressions: [{ key: "k", operator: "In", values: ["v"] }] },
        objectSelector: { matchLabels: { a: "b" } },
        sideEffects: "None",
        timeoutSeconds: 5,
        admissionReviewVersions: ["v1", "v1beta1"],
        matchConditions: [
          { name: "c", expression: "true" },
          { name: "d", expression: "true" },
        ],
      },
      {
        name: "b.example.com",
        clientConfig: { service: { name: "s", namespace: "n", path: "/a/b", port: 443 } },
        sideEffects: "NoneOnDryRun",
        admissionReviewVersions: ["v1"],
      },
    ],
  },
  [
    [
      "webhooks.0.name",
      "a.b",
      ['webhooks[0].name: Invalid value: "a.b": should be a domain with at least three segments separated by dots'],
    ],
    ["webhooks.1.name", "a.example.com", ['webhooks[1].name: Duplicate value: "a.example.com"']],
    ["webhooks.0.clientConfig", {}, ["webhooks[0].clientConfig: Required value: exactly one of url or service is required"]],
    [
      "webhooks.0.clientConfig.url",
      "http://example.com",
      [
        "webhooks[0].clientConfig.url: Invalid value: \"http\": 'https' is the only allowed URL scheme; desired format: https://host[/path]",
      ],
    ],
    [
      "webhooks.0.clientConfig.url",
      "https://u@example.com/?q#f",
      [
        'webhooks[0].clientConfig.url: Invalid value: "u": user information is not permitted in the URL',
        'webhooks[0].clientConfig.url: Invalid value: "f": fragments are not permitted in the URL',
        'webhooks[0].clientConfig.url: Invalid value: "q": query parameters are not permitted in the URL',
      ],
    ],
    ["webhooks.1.clientConfig.service.name", "", ["webhooks[1].clientConfig.service.namespace: Required value"]],
    [
      "webhooks.1.clientConfig.service.port",
      0,
      ["webhooks[1].clientConfig.service.port: Invalid value: 0: port is not valid: must be between 1 and 65535, inclusive"],
    ],
    [
      "webhooks.1.clientConfig.service.path",
      "a//b",
      [
        "webhooks[1].clientConfig.service.path: Invalid value: \"a//b\": must start with a '/'",
        'webhooks[1].clientConfig.service.path: Invalid value: "a//b": segment[0] may not be empty',
        'webhooks[1].clientConfig.service.path: Invalid value: "a//b": segment[1] may not be empty',
      ],
    ],
    [
      "webhooks.0.rules.0.operations",
      ["FLY"],
      ['webhooks[0].rules[0].operations[0]: Unsupported value: "FLY": supported values: "*", "CONNECT", "CREATE", "DELETE", "UPDATE"'],
    ],
    [
      "webhooks.0.rules.0.resources",
      ["*", "pods"],
      [
        'webhooks[0].rules[0].resources: Invalid value: ["*","pods"]: if \'*\' is present, must not specify other resources without subresources',
      ],
    ],
    [
      "webhooks.0.rules.0.resources",
      ["pods/*", "pods/log"],
      ["webhooks[0].rules[0].resources[1]: Invalid value: \"pods/log\": if 'pods/*' is present, must not specify pods/log"],
    ],
    [
      "webhooks.0.rules.0.scope",
      "X",
      ['webhooks[0].rules[0].scope: Unsupported value: "X": supported values: "*", "Cluster", "Namespaced"'],
    ],
    ["webhooks.0.sideEffects", "Some", ['webhooks[0].sideEffects: Unsupported value: "Some": supported values: "None", "NoneOnDryRun"']],
    ["webhooks.0.sideEffects", undefined, ["webhooks[0].sideEffects: Required value: must specify one of None, NoneOnDryRun"]],
    [
      "webhooks.0.timeoutSeconds",
      31,
      ["webhooks[0].timeoutSeconds: Invalid value: 31: the timeout value must be between 1 and 30 seconds"],
    ],
    ["webhooks.0.admissionReviewVersions", [], ["webhooks[0].admissionReviewVersions: Required value: must specify one of v1, v1beta1"]],
    [
      "webhooks.0.admissionReviewVersions",
      ["v9"],
      ['webhooks[0].admissionReviewVersions: Invalid value: ["v9"]: must include at least one of v1, v1beta1'],
    ],
    [
      "webhooks.0.admissionReviewVersions",
      ["v1", "v1"],
      ['webhooks[0].admissionReviewVersions[1]: Invalid value: "v1": duplicate version'],
    ],
    ["webhooks.0.matchConditions.1.name", "c", ['webhooks[0].matchConditions[1].name: Duplicate value: "c"']],
    ["webhooks.0.matchConditions.0.expression", " ", ["webhooks[0].matchConditions[0].expression: Required value"]],
    ["webhooks.0.failurePolicy", "X", ['webhooks[0].failurePolicy: Unsupported value: "X": supported values: "Fail", "Ignore"']],
  ],
);

testRows(
  "policies",
  validatingPolicyHooks(acceptExpression),
  {
    apiVersion: "admissionregistration.k8s.io/v1",
    kind: "ValidatingAdmissionPolicy",
    metadata: { name: "p.example.com" },
    spec: {
      failurePolicy: "Fail",
      paramKind: { apiVersion: "rules.example.com/v1", kind: "Limit" },
      matchConstraints: {
        matchPolicy: "Exact",
        namespaceSelector: { matchLabels: { a: "b" } },
        resourceRules: [
          { operations: ["CREATE"], apiGroups: ["apps"], apiVersions: ["v1"], resources: ["deployments"], resourceNames: ["x", "y"] },
        ],
        excludeResourceRules: [{ operations: ["*"], apiGroups: ["*"], apiVersions: ["*"], resources: ["*"] }],
      },
      matchConditions: [{ name: "c", expression: "true" }],
      variables: [{ name: "v", expression: "1" }],
      validations: [
        { expression: "true", message: "m", reason: "Forbidden" },
        { expression: "variables.v == 1", messageExpression: "'a'" },
      ],
      auditAnnotations: [
        { key: "k", valueExpression: "'x'" },
        { key: "k2", valueExpression: "'x'" },
      ],
    },
  },
  [
    ["spec.paramKind.apiVersion", "a/b/c", ['spec.paramKind.apiVersion: Invalid value: "a/b/c": unexpected GroupVersion string: a/b/c']],
    [
      "spec.paramKind.kind",
      "Bad Kind",
      [
        "spec.paramKind.kind: Invalid value: \"Bad Kind\": may have mixed case, but should otherwise match: a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')",
      ],
    ],
    ["spec.matchConstraints", undefined, ["spec.matchConstraints: Required value"]],
    ["spec.matchConstraints.resourceRules", [], ["spec.matchConstraints.resourceRules: Required value"]],
    [
      "spec.matchConstraints.resourceRules.0.resourceNames.1",
      "x",
      ['spec.matchConstraints.resourceRules[0].resourceNames[1]: Duplicate value: "x"'],
    ],
    ["spec.variables.0.name", "for", ['spec.variables[0].name: Invalid value: "for": must be a valid CEL identifier']],
    ["spec.variables.0.expression", "", ["spec.variables[0].expression: Required value: expression is not specified"]],
    ["spec.validations.0.message", "a\nb", ['spec.validations[0].message: Invalid value: "a\\nb": must not contain line breaks']],
    [
      "spec.validations.0.reason",
      "Odd",
      ['spec.validations[0].reason: Unsupported value: "Odd": supported values: "Forbidden", "Invalid", "RequestEntityTooLarge"'],
    ],
    ["spec.validations.0.expression", "", ["spec.validations[0].expression: Required value: expression is not specified"]],
    ["spec.auditAnnotations.1.key", "k", ['spec.auditAnnotations[1].key: Duplicate value: "k"']],
    [
      "spec.auditAnnotations.0.valueExpression",
      "",
      ["spec.auditAnnotations[0].valueExpression: Required value: valueExpression is not specified"],
    ],
  ],
);

testRows(
  "mutating policies",
  mutatingPolicyHooks(acceptExpression),
  {
    apiVersion: "admissionregistration.k8s.io/v1",
    kind: "MutatingAdmissionPolicy",
    metadata: { name: "p.example.com" },
    spec: {
      failurePolicy: "Fail",
      reinvocationPolicy: "Never",
      paramKind: { apiVersion: "rules.example.com/v1", kind: "Limit" },
      matchConstraints: {
        resourceRules: [
          { operations: ["CREATE"], apiGroups: ["apps"], apiVersions: ["v1"], resources: ["deployments"], resourceNames: ["x", "y"] },
        ],
      },
      matchConditions: [{ name: "c", expression: "true" }],
      variables: [{ name: "v", expression: "1" }],
      mutations: [
        { patchType: "JSONPatch", jsonPatch: { expression: "[]" } },
        { patchType: "ApplyConfiguration", applyConfiguration: { expression: "Object{}" } },
      ],
    },
  },
  [
    ["spec.mutations", [], ["spec.mutations: Required value: mutations must contain at least one item"]],
    [
      "spec.mutations.0.patchType",
      "X",
      ['spec.mutations[0].patchType: Unsupported value: "X": supported values: "ApplyConfiguration", "JSONPatch"'],
    ],
    [
      "spec.mutations.0.jsonPatch",
      undefined,
      ["spec.mutations[0].jsonPatch: Required value: must be specified when patchType is JSONPatch"],
    ],
    [
      "spec.mutations.0.applyConfiguration",
      { expression: "Object{}" },
      ['spec.mutations[0].applyConfiguration: Invalid value: "{applyConfiguration}": must not be specified when patchType is JSONPatch'],
    ],
    ["spec.reinvocationPolicy", undefined, ["spec.reinvocationPolicy: Required value"]],
    [
      "spec.matchConstraints.resourceRules.0.operations",
      ["DELETE"],
      ['spec.matchConstraints.resourceRules.operations: Unsupported value: "DELETE": supported values: "*", "CONNECT", "CREATE", "UPDATE"'],
    ],
  ],
);

testRows(
  "bindings",
  validatingPolicyBindingHooks,
  {
    apiVersion: "admissionregistration.k8s.io/v1",
    kind: "ValidatingAdmissionPolicyBinding",
    metadata: { name: "p.example.com" },
    spec: {
      policyName: "p",
      paramRef: { name: "x", namespace: "n", parameterNotFoundAction: "Deny" },
      matchResources: {
        namespaceSelector: { matchLabels: { a: "b" } },
        resourceRules: [
          { operations: ["CREATE"], apiGroups: ["apps"], apiVersions: ["v1"], resources: ["deployments"], resourceNames: ["x", "y"] },
        ],
      },
      validationActions: ["Deny", "Audit"],
    },
  },
  [
    ["spec.policyName", "", ["spec.policyName: Required value"]],
    [
      "spec.paramRef.parameterNotFoundAction",
      "X",
      ['spec.paramRef.parameterNotFoundAction: Unsupported value: "X": supported values: "Deny", "Allow"'],
    ],
    [
      "spec.paramRef.selector",
      {},
      [
        "spec.paramRef.name: Forbidden: name and selector are mutually exclusive",
        "spec.paramRef.selector: Forbidden: name and selector are mutually exclusive",
      ],
    ],
    ["spec.validationActions", ["Deny", "Deny"], ['spec.validationActions[1]: Duplicate value: "Deny"']],
    ["spec.validationActions", [], ["spec.validationActions: Required value: at least one validation action is required"]],
  ],
);
