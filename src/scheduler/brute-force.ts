// For tests: whether a pod may go to a node, straight from the rules and from whole lists of nodes and pods. Slow on
// purpose, and nothing of it is shared with what it checks.

import type { AnyNode, AnyPod } from "./framework.ts";

export interface BruteWorld {
  readonly nodes: readonly AnyNode[];
  /** Each has a node. */
  readonly pods: readonly AnyPod[];
  readonly namespaces: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

type Labels = Readonly<Record<string, string>>;
type AnySelector = { readonly matchLabels?: Labels | undefined; readonly matchExpressions?: readonly Expression[] | undefined };
interface Expression {
  readonly key: string;
  readonly operator: string;
  readonly values?: readonly string[] | undefined;
}

const labelsOf = (object: AnyNode | AnyPod): Labels => object.metadata?.labels ?? {};
const nameOf = (object: AnyNode | AnyPod) => object.metadata?.name ?? "";

/** Why not; undefined: it fits. */
export function misfit(pod: AnyPod, node: AnyNode, world: BruteWorld): string | undefined {
  if (!tolerable(pod, node)) return "taints";
  if (!allows(pod, node)) return "node affinity";
  if (!hasRoom(pod, node, world)) return "room";
  if (!hasPorts(pod, node, world)) return "ports";
  if (!isSocial(pod, node, world)) return "pod affinity";
  if (!isSpread(pod, node, world)) return "spread";
  return undefined;
}

const on = (node: AnyNode, { pods }: BruteWorld) => pods.filter((pod) => pod.spec?.nodeName === nameOf(node));

function toleratesTaint(
  pod: AnyPod,
  taint: { readonly key: string; readonly value?: string | undefined; readonly effect: string },
): boolean {
  for (const { key, operator, value, effect } of pod.spec?.tolerations ?? []) {
    const sameKey = key === undefined || key === "" || key === taint.key;
    const sameEffect = effect === undefined || effect === "" || effect === taint.effect;
    const sameValue = operator === "Exists" || (value ?? "") === (taint.value ?? "");
    if (sameKey && sameEffect && sameValue) return true;
  }
  return false;
}

function tolerable(pod: AnyPod, node: AnyNode): boolean {
  const cordon = { key: "node.kubernetes.io/unschedulable", effect: "NoSchedule" };
  if (node.spec?.unschedulable && !toleratesTaint(pod, cordon)) return false;
  return taintsTolerated(pod, node);
}

function taintsTolerated(pod: AnyPod, node: AnyNode): boolean {
  for (const taint of node.spec?.taints ?? []) if (taint.effect !== "PreferNoSchedule" && !toleratesTaint(pod, taint)) return false;
  return true;
}

function expressionHolds({ key, operator, values = [] }: Expression, labels: Labels): boolean {
  const there = key in labels;
  const value = labels[key] ?? "";
  if (operator === "In") return there && values.includes(value);
  if (operator === "NotIn") return !there || !values.includes(value);
  if (operator === "Exists") return there;
  if (operator === "DoesNotExist") return !there;
  if (!there || !/^\d+$/.test(value)) return false;
  return operator === "Gt" ? Number(value) > Number(values[0]) : Number(value) < Number(values[0]);
}

function selects(selector: AnySelector | undefined, labels: Labels): boolean {
  if (!selector) return false;
  for (const [key, value] of Object.entries(selector.matchLabels ?? {})) if (labels[key] !== value) return false;
  return (selector.matchExpressions ?? []).every((expression) => expressionHolds(expression, labels));
}

function allows(pod: AnyPod, node: AnyNode): boolean {
  for (const [key, value] of Object.entries(pod.spec?.nodeSelector ?? {})) if (labelsOf(node)[key] !== value) return false;
  const required = pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  if (!required) return true;
  return required.nodeSelectorTerms.some(({ matchExpressions = [], matchFields = [] }) => {
    if (matchExpressions.length + matchFields.length === 0) return false;
    const byName = matchFields.every((expression) => expressionHolds(expression, { "metadata.name": nameOf(node) }));
    return byName && matchExpressions.every((expression) => expressionHolds(expression, labelsOf(node)));
  });
}

/** The test's amounts are whole numbers, cpu in `m`. */
const amount = (text: string | number | undefined) => Number.parseInt(String(text ?? 0), 10);

function asks(pod: AnyPod, resource: string): number {
  const of = (container: {
    readonly resources?: { readonly requests?: Readonly<Record<string, string | number>> | undefined } | undefined;
  }) => amount(container.resources?.requests?.[resource]);
  let sidecars = 0;
  let most = 0;
  for (const container of pod.spec?.initContainers ?? []) {
    most = Math.max(most, sidecars + of(container));
    if (container.restartPolicy === "Always") sidecars += of(container);
  }
  const running = (pod.spec?.containers ?? []).reduce((sum, container) => sum + of(container), sidecars);
  return Math.max(running, most) + amount(pod.spec?.overhead?.[resource]);
}

function hasRoom(pod: AnyPod, node: AnyNode, world: BruteWorld): boolean {
  const there = on(node, world);
  const total = node.status?.allocatable ?? {};
  if (there.length >= amount(total["pods"])) return false;
  return ["cpu", "memory", "example.com/gpu"].every((resource) => {
    const more = asks(pod, resource);
    return more === 0 || more + there.reduce((sum, other) => sum + asks(other, resource), 0) <= amount(total[resource]);
  });
}

function portsOf(pod: AnyPod) {
  const containers = [
    ...(pod.spec?.containers ?? []),
    ...(pod.spec?.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === "Always"),
  ];
  return containers.flatMap(({ ports = [] }) => ports.filter(({ hostPort }) => hostPort));
}

function hasPorts(pod: AnyPod, node: AnyNode, world: BruteWorld): boolean {
  const any = (ip: string | undefined) => ip === undefined || ip === "" || ip === "0.0.0.0";
  const taken = on(node, world).flatMap(portsOf);
  return portsOf(pod).every(({ hostPort, hostIP, protocol = "TCP" }) =>
    taken.every(
      (other) =>
        other.hostPort !== hostPort ||
        (other.protocol ?? "TCP") !== protocol ||
        !(any(hostIP) || any(other.hostIP) || hostIP === other.hostIP),
    ),
  );
}

interface Term {
  readonly labelSelector?: AnySelector | undefined;
  readonly topologyKey: string;
  readonly namespaces?: readonly string[] | undefined;
  readonly namespaceSelector?: AnySelector | undefined;
}

function termSelects(owner: AnyPod, term: Term, other: AnyPod, { namespaces }: BruteWorld): boolean {
  const namespace = other.metadata?.namespace ?? "";
  const listed = (term.namespaces ?? []).includes(namespace);
  const byLabels = term.namespaceSelector !== undefined && selects(term.namespaceSelector, namespaces[namespace] ?? {});
  const own = !term.namespaces?.length && term.namespaceSelector === undefined && owner.metadata?.namespace === namespace;
  return (listed || byLabels || own) && selects(term.labelSelector, labelsOf(other));
}

function sameDomain(a: AnyNode, b: AnyNode | undefined, key: string): boolean {
  return b !== undefined && key in labelsOf(a) && labelsOf(a)[key] === labelsOf(b)[key];
}

function isSocial(pod: AnyPod, node: AnyNode, world: BruteWorld): boolean {
  const nodeOf = (other: AnyPod) => world.nodes.find((one) => nameOf(one) === other.spec?.nodeName);
  const required = (of: AnyPod, kind: "podAffinity" | "podAntiAffinity"): readonly Term[] =>
    of.spec?.affinity?.[kind]?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
  for (const other of world.pods) {
    for (const term of required(other, "podAntiAffinity")) {
      if (termSelects(other, term, pod, world) && sameDomain(node, nodeOf(other), term.topologyKey)) return false;
    }
    for (const term of required(pod, "podAntiAffinity")) {
      if (termSelects(pod, term, other, world) && sameDomain(node, nodeOf(other), term.topologyKey)) return false;
    }
  }
  const near = required(pod, "podAffinity");
  if (near.some(({ topologyKey }) => !(topologyKey in labelsOf(node)))) return false;
  const friends = world.pods.filter((other) => near.every((term) => termSelects(pod, term, other, world)));
  const anywhere = friends.some((friend) => near.some(({ topologyKey }) => topologyKey in labelsOf(nodeOf(friend) ?? {})));
  if (!anywhere && near.every((term) => termSelects(pod, term, pod, world))) return true;
  return near.every(({ topologyKey }) => friends.some((friend) => sameDomain(node, nodeOf(friend), topologyKey)));
}

function isSpread(pod: AnyPod, node: AnyNode, world: BruteWorld): boolean {
  const hard = (pod.spec?.topologySpreadConstraints ?? []).filter(({ whenUnsatisfiable }) => whenUnsatisfiable === "DoNotSchedule");
  for (const { topologyKey, maxSkew, minDomains = 1, labelSelector, nodeAffinityPolicy, nodeTaintsPolicy } of hard) {
    if (!(topologyKey in labelsOf(node))) return false;
    const counts = new Map<string, number>();
    for (const one of world.nodes) {
      if (hard.some((other) => !(other.topologyKey in labelsOf(one)))) continue;
      if (nodeAffinityPolicy !== "Ignore" && !allows(pod, one)) continue;
      if (nodeTaintsPolicy === "Honor" && !taintsTolerated(pod, one)) continue;
      const value = labelsOf(one)[topologyKey] ?? "";
      const matching = on(one, world).filter(
        (other) =>
          other.metadata?.namespace === pod.metadata?.namespace &&
          other.metadata?.deletionTimestamp === undefined &&
          selects(labelSelector, labelsOf(other)),
      );
      counts.set(value, (counts.get(value) ?? 0) + matching.length);
    }
    const least = counts.size < minDomains ? 0 : Math.min(...counts.values());
    const self = selects(labelSelector, labelsOf(pod)) ? 1 : 0;
    if ((counts.get(labelsOf(node)[topologyKey] ?? "") ?? 0) + self - least > maxSkew) return false;
  }
  return true;
}
