import { testRows } from "#harness/validation-rows.ts";
import { acceptExpression } from "#kinds/shared/expressions.ts";
import { customResourceDefinitionHooks } from "./kind.ts";

testRows(
  "schemas",
  customResourceDefinitionHooks(acceptExpression),
  {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: "foos.example.com" },
    spec: {
      group: "example.com",
      scope: "Namespaced",
      names: { plural: "foos", singular: "foo", kind: "Foo", listKind: "FooList" },
      versions: [
        {
          name: "v1",
          served: true,
          storage: true,
          schema: { openAPIV3Schema: { type: "object", properties: { spec: { type: "object", properties: { s: { type: "string" } } } } } },
        },
      ],
    },
    status: { storedVersions: ["v1"] },
  },
  [
    [
      "spec.versions.0.schema.openAPIV3Schema.properties.spec.properties.s",
      { type: "string", default: 1 },
      [
        'spec.validation.openAPIV3Schema.properties[spec].properties[s].default: Invalid value: "integer":  in body must be of type string: "integer"',
      ],
    ],
    [
      "spec.versions.0.schema.openAPIV3Schema.properties.spec.properties.s",
      { type: "string", default: "x", maxLength: 0 },
      ["spec.validation.openAPIV3Schema.properties[spec].properties[s].default: Too long: may not be more than 0 bytes"],
    ],
    [
      "spec.versions.0.schema.openAPIV3Schema.properties.spec.properties.s",
      { type: "string", default: "x", minLength: 2 },
      [
        'spec.validation.openAPIV3Schema.properties[spec].properties[s].default: Invalid value: "x":  in body should be at least 2 chars long',
      ],
    ],
    [
      "spec.versions.0.schema.openAPIV3Schema.properties.spec.properties.s",
      { type: "string", default: "x", pattern: "^y$" },
      ["spec.validation.openAPIV3Schema.properties[spec].properties[s].default: Invalid value: \"x\":  in body should match '^y$'"],
    ],
    [
      "spec.versions.0.schema.openAPIV3Schema.properties.spec.properties.s",
      { type: "string", default: "x", enum: ["a", "b"] },
      ['spec.validation.openAPIV3Schema.properties[spec].properties[s].default: Unsupported value: "x": supported values: "a", "b"'],
    ],
    [
      "spec.versions.0.schema.openAPIV3Schema.properties.spec.properties.s",
      { type: "string", default: "x", format: "ipv4" },
      ['spec.validation.openAPIV3Schema.properties[spec].properties[s].default: Invalid value: "x":  in body must be of type ipv4: "x"'],
    ],
    ["spec.versions.0.schema.openAPIV3Schema.properties.spec.properties.s", { type: "string", default: null, nullable: true }, []],
    [
      "spec.versions.0.schema.openAPIV3Schema.properties.spec.properties.s",
      { type: "integer", default: 3, maximum: 2 },
      [
        "spec.validation.openAPIV3Schema.properties[spec].properties[s].default: Invalid value: 3:  in body should be less than or equal to 2",
      ],
    ],
    [
      "spec.versions.0.schema.openAPIV3Schema.properties.spec.properties.s",
      { type: "integer", default: 3, minimum: 3, exclusiveMinimum: true },
      ["spec.validation.openAPIV3Schema.properties[spec].properties[s].default: Invalid value: 3:  in body should be greater than 3"],
    ],
    [
      "spec.versions.0.schema.openAPIV3Schema.properties.spec.properties.s",
      { type: "integer", default: 3, multipleOf: 2 },
      ["spec.validation.openAPIV3Schema.properties[spec].properties[s].default: Invalid value: 3:  in body should be a multiple of 2"],
    ],
    [
      "spec.versions.0.schema.openAPIV3Schema.properties.spec.properties.s",
      { type: "integer", format: "int32", default: true },
      ['spec.validation.openAPIV3Schema.properties[spec].properties[s].default: Invalid value: "":  in body must be of type int32: ""'],
    ],
    ["spec.versions.0.schema.openAPIV3Schema.properties.spec.properties.s", { type: "number", default: 3 }, []],
    ["spec.versions.0.schema.openAPIV3Schema.properties.spec.properties.s", { "x-kubernetes-int-or-string": true, default: "1" }, []],
    ["spec.versions.0.schema.openAPIV3Schema.properties.spec.properties.s", { "x-kubernetes-int-or-string": true, default: true }, []],
    [
      "spec.versions.0.schema.openAPIV3Schema.properties.spec.properties.s",
      { type: "array", items: { type: "string" }, default: ["a", 1], maxItems: 1 },
      [
        'spec.validation.openAPIV3Schema.properties[spec].properties[s].default.[1]: Invalid value: "integer": [1] in body must be of type string: "integer"',
        "spec.validation.openAPIV3Schema.properties[spec].properties[s].default: Too many: 2: must have at most 1 item",
      ],
    ],
    [
      "spec.versions.0.schema.openAPIV3Schema.properties.spec.properties.s",
      { type: "array", items: { type: "string" }, default: [], minItems: 1 },
      ["spec.validation.openAPIV3Schema.properties[spec].properties[s].default: Invalid value: 0:  in body should have at least 1 items"],
    ],
    [
      "spec.versions.0.schema.openAPIV3Schema.properties.spec.properties.s",
      { type: "object", properties: { a: { type: "string" } }, required: ["a"], default: {} },
      ["spec.validation.openAPIV3Schema.properties[spec].properties[s].default.a: Required value"],
    ],
    [
      "spec.versions.0.schema.openAPIV3Schema.properties.spec.properties.s",
      { type: "object", properties: { a: { type: "string" } }, default: { b: "x" } },
      ['spec.validation.openAPIV3Schema.properties[spec].properties[s].default: Invalid value: {"b":"x"}: must not have unknown fields'],
    ],
    [
      "spec.versions.0.schema.openAPIV3Schema.properties.spec.properties.s",
      { type: "object", additionalProperties: { type: "integer" }, default: { b: "x" }, minProperties: 2 },
      [
        "spec.validation.openAPIV3Schema.properties[spec].properties[s].default: Invalid value: 1:  in body should have at least 2 properties",
        'spec.validation.openAPIV3Schema.properties[spec].properties[s].default.b: Invalid value: "string": .b in body must be of type integer: "string"',
      ],
    ],
    [
      "spec.versions.0.schema.openAPIV3Schema.properties.spec.properties.s",
      { type: "object", "x-kubernetes-preserve-unknown-fields": true, default: { b: "x" } },
      [],
    ],
    [
      "spec.versions.0.schema.openAPIV3Schema.properties.spec.properties.s",
      { type: "string", default: "x", anyOf: [{ minLength: 2 }, { enum: ["y"] }] },
      [
        'spec.validation.openAPIV3Schema.properties[spec].properties[s].default: Invalid value: "": "" must validate at least one schema (anyOf)',
        'spec.validation.openAPIV3Schema.properties[spec].properties[s].default: Invalid value: "x":  in body should be at least 2 chars long',
      ],
    ],
    [
      "spec.versions.0.schema.openAPIV3Schema.properties.spec.properties.s",
      { type: "string", default: "x", oneOf: [{ minLength: 1 }, { maxLength: 2 }] },
      [
        'spec.validation.openAPIV3Schema.properties[spec].properties[s].default: Invalid value: "": "" must validate one and only one schema (oneOf). Found 2 valid alternatives',
      ],
    ],
    [
      "spec.versions.0.schema.openAPIV3Schema.properties.spec.properties.s",
      { type: "string", default: "x", allOf: [{ minLength: 2 }, { maxLength: 2 }] },
      [
        'spec.validation.openAPIV3Schema.properties[spec].properties[s].default: Invalid value: "x":  in body should be at least 2 chars long',
        'spec.validation.openAPIV3Schema.properties[spec].properties[s].default: Invalid value: "": "" must validate all the schemas (allOf)',
      ],
    ],
    [
      "spec.versions.0.schema.openAPIV3Schema.properties.spec.properties.s",
      { type: "string", default: "x", not: { minLength: 1 } },
      ['spec.validation.openAPIV3Schema.properties[spec].properties[s].default: Invalid value: "": "" must not validate the schema (not)'],
    ],
    [
      "spec.versions.0.schema.openAPIV3Schema.properties.spec.properties.s",
      { type: "object", "x-kubernetes-embedded-resource": true, "x-kubernetes-preserve-unknown-fields": true, default: { a: 1 } },
      [
        "spec.validation.openAPIV3Schema.properties[spec].properties[s].default.apiVersion: Required value",
        "spec.validation.openAPIV3Schema.properties[spec].properties[s].default.kind: Required value",
      ],
    ],
    [
      "spec.versions.0.schema.openAPIV3Schema.properties.spec.properties.s",
      { type: "string", pattern: "(?=a)" },
      [
        'spec.validation.openAPIV3Schema.properties[spec].properties[s].pattern: Invalid value: "(?=a)": must be a valid regular expression, but isn\'t: error parsing regexp: invalid or unsupported Perl syntax: `(?=`',
      ],
    ],
    [
      "spec.versions.0.schema.openAPIV3Schema.properties.spec.properties.s",
      { type: "string", pattern: "a**" },
      [
        'spec.validation.openAPIV3Schema.properties[spec].properties[s].pattern: Invalid value: "a**": must be a valid regular expression, but isn\'t: error parsing regexp: invalid nested repetition operator: `**`',
      ],
    ],
    [
      "spec.versions.0.schema.openAPIV3Schema.properties.spec.properties.s",
      { type: "string", pattern: "(a" },
      [
        'spec.validation.openAPIV3Schema.properties[spec].properties[s].pattern: Invalid value: "(a": must be a valid regular expression, but isn\'t: error parsing regexp: missing closing ): `(a`',
      ],
    ],
    [
      "spec.versions.0.schema.openAPIV3Schema.properties.spec.properties.s",
      { type: "string", pattern: "a{1001}" },
      [
        'spec.validation.openAPIV3Schema.properties[spec].properties[s].pattern: Invalid value: "a{1001}": must be a valid regular expression, but isn\'t: error parsing regexp: invalid repeat count: `{1001}`',
      ],
    ],
    [
      "spec.versions.0.schema.openAPIV3Schema.properties.spec",
      {
        type: "object",
        properties: { s: { type: "string" } },
        "x-kubernetes-validations": [
          { rule: "true", fieldPath: ".s" },
          { rule: "true", fieldPath: ".t" },
          { rule: "true", fieldPath: "['s']" },
          { rule: "true", fieldPath: "['s'" },
        ],
      },
      [
        'spec.validation.openAPIV3Schema.properties[spec].x-kubernetes-validations[1].fieldPath: Invalid value: ".t": must be a valid path',
        "spec.validation.openAPIV3Schema.properties[spec].x-kubernetes-validations[3].fieldPath: Invalid value: \"['s'\": must be a valid path",
      ],
    ],
    [
      "spec.versions.0.selectableFields",
      [{ jsonPath: ".spec.s" }, { jsonPath: ".spec['s']" }, { jsonPath: "spec.s" }, { jsonPath: ".spec.s" }],
      [
        "spec.selectableFields[1].jsonPath: Invalid value: \".spec['s']\": is an invalid path: array notation is not allowed",
        'spec.selectableFields[2].jsonPath: Invalid value: "spec.s": is an invalid path: expected [ or . but got: spec',
        'spec.selectableFields[3].jsonPath: Duplicate value: ".spec.s"',
      ],
    ],
  ],
);
