import assert from "node:assert/strict";
import { test } from "node:test";
import { invalid } from "./errors.ts";
import { validateLabelSelector, validateObjectMeta } from "./metadata-validation.ts";
import type { ObjectMeta } from "./object.ts";

const RULES = { namespaced: true } as const;
const good: ObjectMeta = { name: "a", namespace: "b" };
const stored: ObjectMeta = { ...good, uid: "u", resourceVersion: "1", generation: 2, creationTimestamp: "2026-01-01T00:00:00Z" };

/** Field and detail of each error. */
const brief = (errors: ReturnType<typeof validateObjectMeta>) =>
  errors.map((error) => `${error.type} ${error.field} ${error.detail.slice(0, 60)}`.trim());

const created: readonly { name: string; meta: ObjectMeta; namespaced?: boolean; want: string[] }[] = [
  {
    name: "a sound object passes",
    meta: { ...good, labels: { a: "b" }, annotations: { "X.io/Y": "any\ntext" }, finalizers: ["x.io/y"] },
    want: [],
  },
  { name: "a name is required", meta: { namespace: "b" }, want: ["FieldValueRequired metadata.name name or generateName is required"] },
  { name: "a namespace is required", meta: { name: "a" }, want: ["FieldValueRequired metadata.namespace"] },
  {
    name: "a namespace is refused where there is none",
    meta: good,
    namespaced: false,
    want: ["FieldValueForbidden metadata.namespace not allowed on this type"],
  },
  { name: "a generateName may end in a dash", meta: { ...good, generateName: "web-" }, want: [] },
  {
    name: "labels are checked",
    meta: { ...good, labels: { "-a": "b c" } },
    want: [
      "FieldValueInvalid metadata.labels name part must consist of alphanumeric characters, '-', '_'",
      "FieldValueInvalid metadata.labels a valid label must be an empty string or consist of alphanum",
    ],
  },
  {
    name: "annotations are bounded",
    meta: { ...good, annotations: { a: "x".repeat(256 * 1024) } },
    want: ["FieldValueTooLong metadata.annotations may not be more than 262144 bytes"],
  },
  {
    name: "owners need all their fields",
    meta: { ...good, ownerReferences: [{ apiVersion: "apps/", kind: "", name: "", uid: "" }] },
    want: [
      "FieldValueInvalid metadata.ownerReferences.apiVersion version must not be empty",
      "FieldValueInvalid metadata.ownerReferences.kind must not be empty",
      "FieldValueInvalid metadata.ownerReferences.name must not be empty",
      "FieldValueInvalid metadata.ownerReferences.uid must not be empty",
    ],
  },
  {
    name: "events own nothing",
    meta: { ...good, ownerReferences: [{ apiVersion: "v1", kind: "Event", name: "a", uid: "u" }] },
    want: ["FieldValueInvalid metadata.ownerReferences /v1, Kind=Event is disallowed from being an owner"],
  },
  {
    name: "there is one controller",
    meta: { ...good, ownerReferences: ["x", "y"].map((name) => ({ apiVersion: "v1", kind: "K", name, uid: name, controller: true })) },
    want: ['FieldValueInvalid metadata.ownerReferences Only one reference can have Controller set to true. Found "t'],
  },
  {
    name: "orphan and foregroundDeletion exclude each other",
    meta: { ...good, finalizers: ["orphan", "foregroundDeletion"] },
    want: ["FieldValueInvalid metadata.finalizers finalizer orphan and foregroundDeletion cannot be both set"],
  },
  {
    name: "managed fields have an operation",
    meta: { ...good, managedFields: [{ manager: "m", operation: "Nudge", fieldsType: "X" }] },
    want: [
      "FieldValueInvalid metadata.managedFields[0].operation must be `Apply` or `Update`",
      "FieldValueInvalid metadata.managedFields[0].fieldsType must be `FieldsV1`",
    ],
  },
];
for (const { name, meta, namespaced = true, want } of created) {
  test(`on create ${name}`, () => assert.deepEqual(brief(validateObjectMeta(meta, undefined, { namespaced })), want));
}

const changed: readonly { name: string; next: ObjectMeta; previous?: ObjectMeta; want: string[] }[] = [
  { name: "no change passes", next: stored, want: [] },
  { name: "labels may change", next: { ...stored, labels: { a: "b" } }, want: [] },
  {
    name: "the resourceVersion is required",
    next: { ...stored, resourceVersion: "" },
    want: ["FieldValueInvalid metadata.resourceVersion must be specified for an update"],
  },
  {
    name: "name, uid and times stay",
    next: { ...stored, name: "z", uid: "v", creationTimestamp: "2027-01-01T00:00:00Z" },
    want: ["name", "uid", "creationTimestamp"].map((field) => `FieldValueInvalid metadata.${field} field is immutable`),
  },
  {
    name: "the generation never falls",
    next: { ...stored, generation: 1 },
    want: ["FieldValueInvalid metadata.generation must not be decremented"],
  },
  {
    name: "no finalizer comes while it is being deleted",
    previous: { ...stored, deletionTimestamp: "t", finalizers: ["a/b"] },
    next: { ...stored, deletionTimestamp: "t", finalizers: ["a/b", "c/d"] },
    want: ["FieldValueForbidden metadata.finalizers no new finalizers can be added if the object is being delete"],
  },
  {
    name: "finalizers may go while it is being deleted",
    previous: { ...stored, deletionTimestamp: "t", finalizers: ["a/b"] },
    next: { ...stored, deletionTimestamp: "t" },
    want: [],
  },
];
for (const { name, next, previous = stored, want } of changed) {
  test(`on update ${name}`, () => assert.deepEqual(brief(validateObjectMeta(next, previous, RULES)), want));
}

test("a kind's name rule applies", () => {
  const check = (name: string, nameRule: "dns1123label" | "path" | ((name: string) => string[])) =>
    validateObjectMeta({ name, namespace: "b" }, undefined, { namespaced: true, nameRule }).length;
  assert.equal(check("a.b", "dns1123label"), 1);
  assert.equal(check("system:a", "path"), 0);
  assert.equal(
    check("x", () => ["no"]),
    1,
  );
});

test("built-in kinds refuse finalizers without a domain", () => {
  const errors = validateObjectMeta({ ...good, finalizers: ["mine", "kubernetes"] }, undefined, { ...RULES, qualifiedFinalizers: true });
  assert.deepEqual(brief(errors), [
    "FieldValueInvalid metadata.finalizers[0] name is neither a standard finalizer name nor is it fully qu",
  ]);
});

test("the failure reads as upstream's does", () => {
  const errors = validateObjectMeta({ name: "A_b", namespace: "b" }, undefined, RULES);
  assert.match(
    invalid({ group: "", kind: "Pod" }, "A_b", errors).message,
    /^Pod "A_b" is invalid: metadata\.name: Invalid value: "A_b": a lowercase RFC 1123 subdomain must consist of/,
  );
});

test("selectors in specs are checked", () => {
  const selector = {
    matchLabels: { a: "b" },
    matchExpressions: [
      { key: "a", operator: "In" },
      { key: "-", operator: "Near" },
      { key: "b", operator: "Exists", values: ["c d"] },
    ],
  };
  assert.deepEqual(
    validateLabelSelector(selector, "spec.selector").map((error) => `${error.type} ${error.field}`),
    [
      "FieldValueRequired spec.selector.matchExpressions[0].values",
      "FieldValueInvalid spec.selector.matchExpressions[1].operator",
      "FieldValueInvalid spec.selector.matchExpressions[1].key",
      "FieldValueForbidden spec.selector.matchExpressions[2].values",
      "FieldValueInvalid spec.selector.matchExpressions[2].values[0]",
    ],
  );
});
