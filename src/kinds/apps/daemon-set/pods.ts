// The pods of a DaemonSet: which node each is for, and what one for a node looks like. Pure.
// Rules: pkg/controller/daemon/util/daemonset_util.go.

import { DaemonSet } from "#kinds/api/apps-v1.gen.ts";
import type { Affinity, Node, Pod, PodSpec, Toleration } from "#kinds/api/core-v1.gen.ts";
import { podAllowsNode, untolerated } from "#kinds/core/node/placement.ts";
import { clone } from "#lib/clone.ts";
import { equal } from "#lib/equal.ts";
import { controllerReference } from "#meta/controller-reference.ts";
import type { DeepReadonly } from "#meta/object.ts";
import { REVISION_LABEL } from "../revisions.ts";

export type AnyDaemonSet = DeepReadonly<DaemonSet>;
export type AnyPod = DeepReadonly<Pod>;
export type AnyNode = DeepReadonly<Node>;

/** Counts templates, on the set; pods from before revisions were objects are told apart by it. */
const TEMPLATE_GENERATION = "deprecated.daemonset.template.generation";
const GENERATION_LABEL = "pod-template-generation";

const exists = (name: string, effect: string): Toleration => ({ key: `node.kubernetes.io/${name}`, operator: "Exists", effect });

/** The pod template's tolerations, and those of what must not keep a node's daemons away, nor drive them off. */
export function tolerationsOf(spec: DeepReadonly<PodSpec> | undefined): Toleration[] {
  const added = [
    exists("not-ready", "NoExecute"),
    exists("unreachable", "NoExecute"),
    ...["disk-pressure", "memory-pressure", "pid-pressure", "unschedulable"].map((name) => exists(name, "NoSchedule")),
    ...(spec?.hostNetwork === true ? [exists("network-unavailable", "NoSchedule")] : []),
  ];
  const same = (a: Toleration, b: Toleration) =>
    a.key === b.key && a.effect === b.effect && a.operator === b.operator && (a.value ?? "") === (b.value ?? "");
  const own = (clone(spec?.tolerations) ?? []) as Toleration[]; // a copy of our own
  const replaced = own.map((toleration) => added.find((other) => same(other, toleration)) ?? toleration);
  return [...replaced, ...added.filter((toleration) => !replaced.some((other) => equal(other, toleration)))];
}

export interface Fit {
  /** A pod should be made for the node if there is none. */
  readonly run: boolean;
  /** A pod that is there may stay. */
  readonly stay: boolean;
}

/** Says of nodes whether the DaemonSet's pods belong there. */
export function nodeFit(set: AnyDaemonSet): (node: AnyNode) => Fit {
  const spec = set.spec?.template.spec;
  const pod = spec ? { spec } : {};
  const tolerations = tolerationsOf(spec);
  return (node) => {
    if (spec?.nodeName && spec.nodeName !== node.metadata?.name) return { run: false, stay: false };
    if (!podAllowsNode(pod, node)) return { run: false, stay: false };
    if (!untolerated(node, tolerations, ["NoExecute", "NoSchedule"])) return { run: true, stay: true };
    return { run: false, stay: !untolerated(node, tolerations, ["NoExecute"]) };
  };
}

/** The pod for a node. The scheduler binds it: nothing but the node's name is left of the required node affinity, which the node was found to fit. */
export function makePod(set: AnyDaemonSet, hash: string, nodeName: string): Pod {
  const template = set.spec?.template;
  const { labels, annotations, finalizers } = template?.metadata ?? {};
  const spec = clone(template?.spec ?? { containers: [] }) as PodSpec; // a copy of our own
  const generation = set.metadata?.annotations?.[TEMPLATE_GENERATION];
  const affinity: Affinity = {
    ...spec.affinity,
    nodeAffinity: {
      ...spec.affinity?.nodeAffinity,
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: [{ matchFields: [{ key: "metadata.name", operator: "In", values: [nodeName] }] }],
      },
    },
  };
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      generateName: `${set.metadata?.name ?? ""}-`,
      namespace: set.metadata?.namespace ?? "",
      labels: { ...labels, ...(generation === undefined ? {} : { [GENERATION_LABEL]: generation }), [REVISION_LABEL]: hash },
      ...(annotations ? { annotations: { ...annotations } } : {}),
      ...(finalizers ? { finalizers: [...finalizers] } : {}),
      ownerReferences: [controllerReference(DaemonSet, set)],
    },
    spec: { ...spec, affinity, tolerations: tolerationsOf(spec) },
  };
}

/** The node that the pod is on, or made for; undefined if nothing says. */
export function targetNode(pod: AnyPod): string | undefined {
  if (pod.spec?.nodeName) return pod.spec.nodeName;
  const terms = pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  for (const { matchFields = [] } of terms) {
    const named = matchFields.find(({ key, operator }) => key === "metadata.name" && operator === "In");
    if (named) return named.values?.length === 1 ? named.values[0] : undefined;
  }
  return undefined;
}

/** Made of the present template. */
export function isUpdated(set: AnyDaemonSet, pod: AnyPod, hash: string): boolean {
  const generation = set.metadata?.annotations?.[TEMPLATE_GENERATION];
  const labels = pod.metadata?.labels;
  return (hash !== "" && labels?.[REVISION_LABEL] === hash) || (generation !== undefined && labels?.[GENERATION_LABEL] === generation);
}

/** Those on a node first, of equals the oldest. */
export function oldestFirst(a: AnyPod, b: AnyPod): number {
  const placed = Number(Boolean(b.spec?.nodeName)) - Number(Boolean(a.spec?.nodeName));
  return placed || (age(a) < age(b) ? -1 : 1);
}

function age({ metadata }: AnyPod): string {
  return `${metadata?.creationTimestamp ?? ""} ${metadata?.name ?? ""}`;
}
