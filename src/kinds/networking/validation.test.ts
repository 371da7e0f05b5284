// A valid object of each kind, changed in one way per row, and what is said of it.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { KindHooks } from "#meta/kind.ts";
import { fieldErrorText } from "#meta/errors.ts";
import type { KubeObject } from "#meta/object.ts";
import { ingressClassHooks } from "./ingress-class/kind.ts";
import { ingressHooks } from "./ingress/kind.ts";
import { ipAddressHooks } from "./ip-address/kind.ts";
import { networkPolicyHooks } from "./network-policy/kind.ts";
import { serviceCidrHooks } from "./service-cidr/kind.ts";

type Row = readonly [what: string, change: object, ...expected: string[]];

function check<T extends KubeObject>(kind: string, given: KindHooks<T>, valid: T, rows: readonly Row[], previous?: T): void {
  const hooks = given as unknown as KindHooks; // only called with objects of its kind
  const errorsOf = (object: KubeObject) => {
    hooks.default?.(object);
    return (hooks.validate?.(object, previous, { subresource: "" }) ?? []).map(fieldErrorText);
  };
  test(`${kind}: the object that the rows change is valid`, () => assert.deepEqual(errorsOf(structuredClone(valid)), []));
  for (const [what, change, ...expected] of rows) {
    test(`${kind}: ${what}`, () => assert.deepEqual(errorsOf({ ...structuredClone(valid), ...structuredClone(change) }), expected));
  }
}

const backend = { service: { name: "s", port: { number: 80 } } };
const paths = (...list: object[]) => ({
  spec: { rules: [{ http: { paths: list.map((each) => ({ path: "/", pathType: "Prefix", backend, ...each })) } }] },
});
const AT = "spec.rules[0].http.paths[0]";

check("Ingress", ingressHooks, { metadata: { name: "i" }, spec: { defaultBackend: backend } }, [
  ["no rules and no backend", { spec: {} }, "spec: Invalid value: null: either `defaultBackend` or `rules` must be specified"],
  ["a relative path", paths({ path: "x" }), `${AT}.path: Invalid value: "x": must be an absolute path`],
  ["a path with empty parts", paths({ path: "/a//b" }), `${AT}.path: Invalid value: "/a//b": must not contain '//'`],
  ["a path that ends in dots", paths({ path: "/a/.." }), `${AT}.path: Invalid value: "/a/..": cannot end with '/..'`],
  ["no type of path", paths({ pathType: undefined }), `${AT}.pathType: Required value: pathType must be specified`],
  [
    "an unknown type of path",
    paths({ pathType: "X" }),
    `${AT}.pathType: Unsupported value: "X": supported values: "Exact", "ImplementationSpecific", "Prefix"`,
  ],
  ["no backend", paths({ backend: {} }), `${AT}.backend: Invalid value: "": resource or service backend is required`],
  [
    "two backends",
    paths({ backend: { ...backend, resource: { kind: "K", name: "n" } } }),
    `${AT}.backend: Invalid value: "": cannot set both resource and service backends`,
  ],
  [
    "a port by name and number",
    paths({ backend: { service: { name: "s", port: { name: "a", number: 1 } } } }),
    `${AT}.backend: Invalid value: "": cannot set both port name & port number`,
  ],
  ["no port", paths({ backend: { service: { name: "s" } } }), `${AT}.backend: Required value: port name or number is required`],
  [
    "an address as host",
    { spec: { rules: [{ host: "10.0.0.1" }] } },
    'spec.rules[0].host: Invalid value: "10.0.0.1": must be a DNS name, not an IP address',
  ],
]);

check("IngressClass", ingressClassHooks, { metadata: { name: "c" }, spec: { controller: "a.io/b" } }, [
  ["no controller", { spec: {} }, "spec.controller: Required value"],
  [
    "a controller without domain",
    { spec: { controller: "b" } },
    'spec.controller: Invalid value: "b": must be a domain-prefixed path (such as "acme.io/foo")',
  ],
  [
    "a namespace for a cluster's parameters",
    { spec: { controller: "a.io/b", parameters: { kind: "K", name: "n", namespace: "x" } } },
    "spec.parameters.namespace: Forbidden: `parameters.scope` is set to 'Cluster'",
  ],
  [
    "no namespace for a namespace's parameters",
    { spec: { controller: "a.io/b", parameters: { kind: "K", name: "n", scope: "Namespace" } } },
    "spec.parameters.namespace: Required value: `parameters.scope` is set to 'Namespace'",
  ],
]);
const controlled = { metadata: { name: "c" }, spec: { controller: "a.io/b" } };
check(
  "IngressClass, changed",
  ingressClassHooks,
  controlled,
  [["another controller", { spec: { controller: "a.io/c" } }, 'spec.controller: Invalid value: "a.io/c": field is immutable']],
  controlled,
);

const policy = (ingress: object) => ({ spec: { podSelector: {}, ingress: [ingress] } });
check("NetworkPolicy", networkPolicyHooks, { metadata: { name: "p" }, spec: { podSelector: {} } }, [
  [
    "an unknown protocol",
    policy({ ports: [{ protocol: "X" }] }),
    'spec.ingress[0].ports[0].protocol: Unsupported value: "X": supported values: "TCP", "UDP", "SCTP"',
  ],
  [
    "an end before the start",
    policy({ ports: [{ port: 90, endPort: 80 }] }),
    "spec.ingress[0].ports[0].endPort: Invalid value: 90: must be greater than or equal to `port`",
  ],
  [
    "an end without start",
    policy({ ports: [{ endPort: 80 }] }),
    "spec.ingress[0].ports[0].endPort: Invalid value: 80: may not be specified when `port` is not specified",
  ],
  ["an empty peer", policy({ from: [{}] }), "spec.ingress[0].from[0]: Required value: must specify a peer"],
  [
    "a block and a selector",
    policy({ from: [{ podSelector: {}, ipBlock: { cidr: "10.0.0.0/8" } }] }),
    "spec.ingress[0].from[0]: Forbidden: may not specify both ipBlock and another peer",
  ],
  [
    "an exception that is no part",
    policy({ from: [{ ipBlock: { cidr: "10.0.0.0/8", except: ["11.0.0.0/16"] } }] }),
    'spec.ingress[0].from[0].ipBlock.except[0]: Invalid value: "11.0.0.0/16": must be a strict subset of `cidr`',
  ],
  [
    "an unknown type",
    { spec: { podSelector: {}, policyTypes: ["X"] } },
    'spec.policyTypes[0]: Unsupported value: "X": supported values: "Ingress", "Egress"',
  ],
]);

check("ServiceCIDR", serviceCidrHooks, { metadata: { name: "c" }, spec: { cidrs: ["10.0.0.0/16", "fd00::/112"] } }, [
  ["none", { spec: { cidrs: [] } }, "spec.cidrs: Required value: at least one CIDR required"],
  [
    "bits beyond the prefix",
    { spec: { cidrs: ["10.0.0.1/16"] } },
    'spec.cidrs[0]: Invalid value: "10.0.0.1/16": must not have bits set beyond the prefix length',
  ],
  [
    "two of a family",
    { spec: { cidrs: ["10.0.0.0/16", "10.1.0.0/16"] } },
    'spec.cidrs: Invalid value: ["10.0.0.0/16","10.1.0.0/16"]: may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64',
  ],
]);
const single = { metadata: { name: "c" }, spec: { cidrs: ["10.0.0.0/16"] } };
check(
  "ServiceCIDR, changed",
  serviceCidrHooks,
  { metadata: { name: "c" }, spec: { cidrs: ["10.0.0.0/16", "fd00::/112"] } },
  [["another range", { spec: { cidrs: ["10.1.0.0/16"] } }, 'spec.cidrs[0]: Invalid value: "10.1.0.0/16": field is immutable']],
  single,
);

check("IPAddress", ipAddressHooks, { metadata: { name: "10.0.0.1" }, spec: { parentRef: { resource: "services", name: "s" } } }, [
  ["no parent", { spec: {} }, "spec.parentRef: Required value"],
  ["a parent of no kind", { spec: { parentRef: { name: "s" } } }, "spec.parentRef.resource: Required value"],
]);
test("IPAddress: a name is an address in canonical form", () => {
  const rule = ipAddressHooks.nameRule;
  assert.ok(typeof rule === "function");
  assert.deepEqual(
    ["10.0.0.1", "fd00::1", "010.0.0.1", "fd00:0::1", "x"].map((name) => rule(name)),
    [
      [],
      [],
      ["must not have leading 0s"],
      ['must be in canonical form ("fd00::1")'],
      ["must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"],
    ],
  );
});
