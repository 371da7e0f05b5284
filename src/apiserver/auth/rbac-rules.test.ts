import assert from "node:assert/strict";
import { test } from "node:test";
import { compileRules, describeRules, missingRules, type PolicyRule, type RuleTarget } from "./rbac-rules.ts";

const resource = (verb: string, what: string, name = ""): RuleTarget => {
  const [qualified = "", subresource = ""] = what.split("/");
  const [plural = "", ...group] = qualified.split(".");
  return { verb, isResourceRequest: true, apiGroup: group.join("."), resource: plural, subresource, name, path: "" };
};
const url = (verb: string, path: string): RuleTarget => ({
  verb,
  isResourceRequest: false,
  apiGroup: "",
  resource: "",
  subresource: "",
  name: "",
  path,
});
const rule = (verbs: string, groups: string, resources: string, names?: string): PolicyRule => ({
  verbs: verbs.split(","),
  apiGroups: groups.split(","),
  resources: resources.split(","),
  ...(names === undefined ? {} : { resourceNames: names.split(",") }),
});

const MATCHES: readonly { name: string; rule: PolicyRule; target: RuleTarget; allowed: boolean }[] = [
  { name: "verb, group and resource", rule: rule("get", "", "pods"), target: resource("get", "pods"), allowed: true },
  { name: "another verb", rule: rule("get", "", "pods"), target: resource("list", "pods"), allowed: false },
  { name: "another group", rule: rule("get", "", "deployments"), target: resource("get", "deployments.apps"), allowed: false },
  { name: "all verbs", rule: rule("*", "", "pods"), target: resource("deletecollection", "pods"), allowed: true },
  { name: "all groups", rule: rule("get", "*", "deployments"), target: resource("get", "deployments.apps"), allowed: true },
  { name: "all resources covers subresources", rule: rule("get", "*", "*"), target: resource("get", "pods/log"), allowed: true },
  {
    name: "a resource does not cover its subresources",
    rule: rule("get", "", "pods"),
    target: resource("get", "pods/log"),
    allowed: false,
  },
  { name: "a subresource does not cover its resource", rule: rule("get", "", "pods/log"), target: resource("get", "pods"), allowed: false },
  { name: "one subresource of all", rule: rule("get", "*", "*/scale"), target: resource("get", "deployments.apps/scale"), allowed: true },
  {
    name: "another subresource of all",
    rule: rule("get", "*", "*/scale"),
    target: resource("get", "deployments.apps/status"),
    allowed: false,
  },
  { name: "pods/* is no wildcard", rule: rule("get", "", "pods/*"), target: resource("get", "pods/log"), allowed: false },
  { name: "a name", rule: rule("get", "", "secrets", "a,b"), target: resource("get", "secrets", "b"), allowed: true },
  { name: "another name", rule: rule("get", "", "secrets", "a,b"), target: resource("get", "secrets", "c"), allowed: false },
  { name: "names do not allow a list", rule: rule("list", "", "secrets", "a"), target: resource("list", "secrets"), allowed: false },
  {
    name: "an empty list of names is no restriction",
    rule: { ...rule("get", "", "pods"), resourceNames: [] },
    target: resource("get", "pods", "x"),
    allowed: true,
  },
  { name: "a URL", rule: { verbs: ["get"], nonResourceURLs: ["/healthz"] }, target: url("get", "/healthz"), allowed: true },
  { name: "a URL below", rule: { verbs: ["get"], nonResourceURLs: ["/healthz"] }, target: url("get", "/healthz/etcd"), allowed: false },
  { name: "a URL prefix", rule: { verbs: ["get"], nonResourceURLs: ["/api/*"] }, target: url("get", "/api/v1"), allowed: true },
  {
    name: "a URL prefix without its slash",
    rule: { verbs: ["get"], nonResourceURLs: ["/api/*"] },
    target: url("get", "/api"),
    allowed: false,
  },
  { name: "all URLs", rule: { verbs: ["*"], nonResourceURLs: ["*"] }, target: url("post", "/x"), allowed: true },
  { name: "URLs do not cover resources", rule: { verbs: ["*"], nonResourceURLs: ["*"] }, target: resource("get", "pods"), allowed: false },
  { name: "resources do not cover URLs", rule: rule("*", "*", "*"), target: url("get", "/metrics"), allowed: false },
];
for (const { name, rule: given, target, allowed } of MATCHES) {
  test(`rule match: ${name} ${allowed ? "allows" : "does not allow"}`, () => {
    assert.equal(compileRules([given]).allow(target), allowed);
  });
}

const COVERS: readonly { name: string; held: PolicyRule[]; wanted: PolicyRule[]; missing: string[] }[] = [
  { name: "the same rule", held: [rule("get", "", "pods")], wanted: [rule("get", "", "pods")], missing: [] },
  {
    name: "two rules together",
    held: [rule("get", "", "pods"), rule("list", "", "pods")],
    wanted: [rule("get,list", "", "pods")],
    missing: [],
  },
  { name: "everything", held: [rule("*", "*", "*")], wanted: [rule("get", "apps", "deployments/scale", "x")], missing: [] },
  {
    name: "a missing verb and resource",
    held: [rule("get", "", "pods")],
    wanted: [rule("get,delete", "", "pods,secrets")],
    missing: [`{APIGroups:[""], Resources:["pods"], Verbs:["delete"]}`, `{APIGroups:[""], Resources:["secrets"], Verbs:["get" "delete"]}`],
  },
  {
    name: "a name is less than all",
    held: [rule("get", "", "pods", "a")],
    wanted: [rule("get", "", "pods")],
    missing: [`{APIGroups:[""], Resources:["pods"], Verbs:["get"]}`],
  },
  { name: "all is more than a name", held: [rule("get", "", "pods")], wanted: [rule("get", "", "pods", "a")], missing: [] },
  {
    name: "a star asks for a star",
    held: [rule("get,list,watch,create,update,patch,delete,deletecollection", "", "pods")],
    wanted: [rule("*", "", "pods")],
    missing: [`{APIGroups:[""], Resources:["pods"], Verbs:["*"]}`],
  },
  {
    name: "URLs",
    held: [{ verbs: ["get"], nonResourceURLs: ["/api/*"] }],
    wanted: [{ verbs: ["get"], nonResourceURLs: ["/api/v1", "/metrics"] }],
    missing: [`{NonResourceURLs:["/metrics"], Verbs:["get"]}`],
  },
];
for (const { name, held, wanted, missing } of COVERS) {
  test(`missing rules: ${name}`, () => assert.deepEqual(describeRules(missingRules(held, wanted)), missing));
}
