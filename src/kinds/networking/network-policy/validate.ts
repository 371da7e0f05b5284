import type { IPBlock, NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort } from "#kinds/api/networking-v1.gen.ts";
import { checkLabelSelector, checkPortNumber, checkPortNumberOrName, type Errors } from "#kinds/shared/checks.ts";
import { warningsForCidr } from "#kinds/shared/ip-warnings.ts";
import { cidrContains, parseCidrSloppy } from "#lib/ip.ts";
import { field, type FieldError } from "#meta/errors.ts";
import { validateLegacyCidr } from "#meta/ip-validation.ts";
import type { DeepReadonly } from "#meta/object.ts";

type Policy = DeepReadonly<NetworkPolicy>;
type Peer = DeepReadonly<NetworkPolicyPeer>;

const TYPES = ["Ingress", "Egress"];
const PROTOCOLS = ["TCP", "UDP", "SCTP"];

/** All rules of a policy with their paths. */
function rulesOf({
  spec,
}: Policy): { path: string; peersPath: string; ports: readonly DeepReadonly<NetworkPolicyPort>[]; peers: readonly Peer[] }[] {
  return [
    ...(spec?.ingress ?? []).map(({ ports = [], from = [] }, index) => {
      const path = `spec.ingress[${index}]`;
      return { path, peersPath: `${path}.from`, ports, peers: from };
    }),
    ...(spec?.egress ?? []).map(({ ports = [], to = [] }, index) => {
      const path = `spec.egress[${index}]`;
      return { path, peersPath: `${path}.to`, ports, peers: to };
    }),
  ];
}

/** Old objects keep ranges and selector values that were let in once. */
interface Leniency {
  readonly cidrs: ReadonlySet<string>;
  readonly labelValues: boolean;
}

export function validateNetworkPolicy(next: Policy, previous: Policy | undefined): FieldError[] {
  const errors: Errors = [];
  const lenient = leniencyOf(previous);
  checkLabelSelector(errors, "spec.podSelector", next.spec?.podSelector, lenient.labelValues);
  for (const { path, peersPath, ports, peers } of rulesOf(next)) {
    for (const [index, port] of ports.entries()) validatePort(errors, `${path}.ports[${index}]`, port);
    for (const [index, peer] of peers.entries()) validatePeer(errors, `${peersPath}[${index}]`, peer, lenient);
  }
  const types = next.spec?.policyTypes ?? [];
  if (types.length > TYPES.length) errors.push(field.invalid("spec.policyTypes", types, "may not specify more than two policyTypes"));
  else {
    for (const [index, type] of types.entries()) {
      if (!TYPES.includes(type)) errors.push(field.notSupported(`spec.policyTypes[${index}]`, type, TYPES, "given"));
    }
  }
  return errors;
}

function leniencyOf(previous: Policy | undefined): Leniency {
  if (!previous) return { cidrs: new Set(), labelValues: false };
  const blocks = rulesOf(previous).flatMap(({ peers }) => peers.flatMap(({ ipBlock }) => (ipBlock ? [ipBlock] : [])));
  const selectorErrors: Errors = [];
  checkLabelSelector(selectorErrors, "", previous.spec?.podSelector);
  return { cidrs: new Set(blocks.flatMap(({ cidr, except = [] }) => [cidr, ...except])), labelValues: selectorErrors.length > 0 };
}

function validatePort(errors: Errors, path: string, { protocol, port, endPort }: DeepReadonly<NetworkPolicyPort>): void {
  if (protocol !== undefined && !PROTOCOLS.includes(protocol)) {
    errors.push(field.notSupported(`${path}.protocol`, protocol, PROTOCOLS, "given"));
  }
  if (port !== undefined) checkPortNumberOrName(errors, `${path}.port`, port);
  if (endPort === undefined) return;
  const refuse = (value: number, detail: string) => errors.push(field.invalid(`${path}.endPort`, value, detail));
  if (port === undefined) refuse(endPort, "may not be specified when `port` is not specified");
  else if (typeof port === "string") refuse(endPort, "may not be specified when `port` is non-numeric");
  else {
    if (endPort < port) refuse(port, "must be greater than or equal to `port`");
    checkPortNumber(errors, `${path}.endPort`, endPort);
  }
}

function validatePeer(errors: Errors, path: string, peer: Peer, lenient: Leniency): void {
  const { podSelector, namespaceSelector, ipBlock } = peer;
  checkLabelSelector(errors, `${path}.podSelector`, podSelector, lenient.labelValues);
  checkLabelSelector(errors, `${path}.namespaceSelector`, namespaceSelector, lenient.labelValues);
  if (ipBlock) validateBlock(errors, `${path}.ipBlock`, ipBlock, lenient.cidrs);
  if (!podSelector && !namespaceSelector && !ipBlock) errors.push(field.required(path, "must specify a peer"));
  else if (ipBlock && (podSelector || namespaceSelector)) {
    errors.push(field.forbidden(path, "may not specify both ipBlock and another peer"));
  }
}

function validateBlock(errors: Errors, path: string, { cidr, except = [] }: DeepReadonly<IPBlock>, known: ReadonlySet<string>): void {
  if (!cidr) {
    errors.push(field.required(`${path}.cidr`));
    return;
  }
  if (!known.has(cidr)) errors.push(...validateLegacyCidr(`${path}.cidr`, cidr));
  const whole = parseCidrSloppy(cidr);
  if (!whole) return;
  for (const [index, text] of except.entries()) {
    const at = `${path}.except[${index}]`;
    if (!known.has(text)) errors.push(...validateLegacyCidr(at, text));
    const part = parseCidrSloppy(text);
    if (part && (!cidrContains(whole, part.network) || whole.prefix >= part.prefix)) {
      errors.push(field.invalid(at, text, "must be a strict subset of `cidr`"));
    }
  }
}

export function networkPolicyWarnings(policy: Policy): string[] {
  return rulesOf(policy).flatMap(({ peersPath, peers }) =>
    peers.flatMap(({ ipBlock }, index) => {
      if (!ipBlock) return [];
      const path = `${peersPath}[${index}].ipBlock`;
      const excepts = (ipBlock.except ?? []).flatMap((text, at) => warningsForCidr(`${path}.except[${at}]`, text));
      return [...warningsForCidr(`${path}.cidr`, ipBlock.cidr), ...excepts];
    }),
  );
}
