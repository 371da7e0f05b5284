import { testRows } from "#harness/validation-rows.ts";
import { acceptExpression } from "#kinds/shared/expressions.ts";
import { customResourceDefinitionHooks } from "./custom-resource-definition/kind.ts";

testRows(
  "definitions",
  customResourceDefinitionHooks(acceptExpression),
  {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: "crontabs.stable.example.com" },
    spec: {
      group: "stable.example.com",
      scope: "Namespaced",
      names: { plural: "crontabs", singular: "crontab", kind: "CronTab", shortNames: ["ct"], categories: ["all"] },
      versions: [
        {
          name: "v1",
          served: true,
          storage: true,
          schema: {
            openAPIV3Schema: {
              type: "object",
              properties: {
                spec: {
                  type: "object",
                  required: ["a"],
                  properties: {
                    a: { type: "string", pattern: "^a$", maxLength: 5 },
                    port: { "x-kubernetes-int-or-string": true },
                    list: {
                      type: "array",
                      "x-kubernetes-list-type": "map",
                      "x-kubernetes-list-map-keys": ["name"],
                      items: { type: "object", required: ["name"], properties: { name: { type: "string" } } },
                    },
                    set: { type: "array", "x-kubernetes-list-type": "set", items: { type: "string" } },
                    m: { type: "object", additionalProperties: { type: "integer" }, "x-kubernetes-map-type": "atomic" },
                    any: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
                    r: { type: "integer" },
                  },
                  anyOf: [{ required: ["a"] }, { properties: { a: { minLength: 1 } } }],
                },
                status: { type: "object", properties: { r: { type: "integer" } } },
              },
            },
          },
          subresources: {
            status: {},
            scale: { specReplicasPath: ".spec.r", statusReplicasPath: ".status.r", labelSelectorPath: ".status.s" },
          },
          additionalPrinterColumns: [{ name: "A", type: "string", format: "byte", jsonPath: ".spec.a", priority: 1 }],
          selectableFields: [{ jsonPath: ".spec.a" }],
        },
      ],
    },
    status: { storedVersions: ["v1"] },
  },
  [
    [
      "spec.group",
      "example",
      [
        'metadata.name: Invalid value: "crontabs.stable.example.com": must be spec.names.plural+"."+spec.group',
        'spec.group: Invalid value: "example": should be a domain with at least one dot',
      ],
    ],
    ["spec.scope", "X", ['spec.scope: Unsupported value: "X": supported values: "Cluster", "Namespaced"']],
    ["spec.names.kind", "", ["spec.names.kind: Required value", "spec.names.listKind: Required value"]],
    ["spec.names.listKind", "CronTab", ['spec.names.listKind: Invalid value: "CronTab": kind and listKind may not be the same']],
    [
      "spec.names.shortNames",
      ["Bad"],
      [
        "spec.names.shortNames[0]: Invalid value: \"Bad\": a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')",
      ],
    ],
    ["metadata.name", "other", ['metadata.name: Invalid value: "other": must be spec.names.plural+"."+spec.group']],
    [
      "spec.versions.0.schema",
      undefined,
      [
        "spec.versions[0].schema.openAPIV3Schema: Required value",
        'spec.selectableFields: Invalid value: "": may only be set when validations.schema is included',
      ],
    ],
    [
      "spec.versions.0.deprecationWarning",
      "w",
      ['spec.versions[0].deprecationWarning: Invalid value: "w": can only be set for deprecated versions'],
    ],
    [
      "spec.versions.0.subresources.scale.specReplicasPath",
      ".status.r",
      ['spec.subresources.scale.specReplicasPath: Invalid value: ".status.r": should be a json path under .spec'],
    ],
    [
      "spec.versions.0.subresources.scale.statusReplicasPath",
      "r",
      ['spec.subresources.scale.statusReplicasPath: Invalid value: "r": must be a simple json path starting with .'],
    ],
    [
      "spec.versions.0.additionalPrinterColumns.0.type",
      "object",
      ['spec.additionalPrinterColumns[0].type: Invalid value: "object": must be one of boolean,date,integer,number,string'],
    ],
    [
      "spec.versions.0.additionalPrinterColumns.0.format",
      "x",
      ['spec.additionalPrinterColumns[0].format: Invalid value: "x": must be one of byte,date,date-time,double,float,int32,int64,password'],
    ],
    ["spec.versions.0.additionalPrinterColumns.0.jsonPath", "", ["spec.additionalPrinterColumns[0].JSONPath: Required value"]],
    [
      "spec.versions.0.selectableFields.0.jsonPath",
      ".spec.none",
      ['spec.selectableFields[0].jsonPath: Invalid value: ".spec.none": is an invalid path: does not refer to a valid field'],
    ],
    [
      "spec.versions.0.selectableFields.0.jsonPath",
      ".spec.list",
      [
        'spec.selectableFields[0].jsonPath: Invalid value: ".spec.list": must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.',
      ],
    ],
    [
      "spec.versions.0.schema.openAPIV3Schema.properties.spec.properties.a.type",
      undefined,
      [
        "spec.validation.openAPIV3Schema.properties[spec].properties[a].type: Required value: must not be empty for specified object fields",
        'spec.selectableFields[0].jsonPath: Invalid value: ".spec.a": must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.',
      ],
    ],
    [
      "spec.versions.0.schema.openAPIV3Schema.properties.spec.properties.a.type",
      "text",
      [
        'spec.validation.openAPIV3Schema.properties[spec].properties[a].type: Unsupported value: "text": supported values: "array", "boolean", "integer", "number", "object", "string"',
        'spec.selectableFields[0].jsonPath: Invalid value: ".spec.a": must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.',
      ],
    ],
    [
      "spec.versions.0.schema.openAPIV3Schema.properties.spec.properties.list.items",
      undefined,
      [
        "spec.validation.openAPIV3Schema.properties[spec].properties[list].items: Required value: must be specified",
        "spec.validation.openAPIV3Schema.properties[spec].properties[list].items: Required value: must have a schema if x-kubernetes-list-type is map",
      ],
    ],
    [
      "spec.versions.0.schema.openAPIV3Schema.properties.spec.properties.list.x-kubernetes-list-map-keys",
      [],
      [
        "spec.validation.openAPIV3Schema.properties[spec].properties[list].x-kubernetes-list-map-keys: Required value: must not be empty if x-kubernetes-list-type is map",
      ],
    ],
    [
      "spec.versions.0.schema.openAPIV3Schema.properties.spec.properties.list.items.required",
      [],
      [
        "spec.validation.openAPIV3Schema.properties[spec].properties[list].items.properties[name].default: Required value: this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property",
      ],
    ],
    [
      "spec.versions.0.schema.openAPIV3Schema.properties.spec.properties.list.x-kubernetes-list-type",
      "odd",
      [
        'spec.validation.openAPIV3Schema.properties[spec].properties[list].x-kubernetes-list-type: Unsupported value: "odd": supported values: "atomic", "set", "map"',
        'spec.validation.openAPIV3Schema.properties[spec].properties[list].x-kubernetes-list-type: Invalid value: "odd": must be map if x-kubernetes-list-map-keys is non-empty',
      ],
    ],
    [
      "spec.versions.0.schema.openAPIV3Schema.properties.spec.properties.m.properties",
      { x: { type: "string" } },
      [
        "spec.validation.openAPIV3Schema.properties[spec].properties[m].additionalProperties: Forbidden: additionalProperties and properties are mutual exclusive",
      ],
    ],
    ["spec.versions.0.schema.openAPIV3Schema.properties.spec.anyOf.1.properties.z", { minLength: 1 }, []],
    [
      "spec.versions.0.schema.openAPIV3Schema.properties.spec.anyOf.0.type",
      "object",
      ["spec.validation.openAPIV3Schema.properties[spec].anyOf[0].type: Forbidden: must be empty to be structural"],
    ],
    [
      "spec.versions.0.schema.openAPIV3Schema.properties.metadata",
      { type: "object", properties: { labels: { type: "object" } } },
      [
        "spec.validation.openAPIV3Schema.properties[metadata]: Forbidden: must not specify anything other than name and generateName, but metadata is implicitly specified",
      ],
    ],
    [
      "spec.conversion",
      { strategy: "Webhook" },
      [
        "spec.conversion.webhookClientConfig: Required value: required when strategy is set to Webhook",
        "spec.conversion.conversionReviewVersions: Required value",
      ],
    ],
    [
      "spec.preserveUnknownFields",
      true,
      [
        "spec.preserveUnknownFields: Invalid value: true: cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead",
      ],
    ],
  ],
);
