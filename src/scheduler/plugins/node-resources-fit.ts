import { MAX_SCORE, type NodeInfo, type Plugin, type PodInfo, type Refusal } from "../framework.ts";
import { amountsOf, isExtendedResource, podRequests } from "../resources.ts";
import { type ScoringStrategy, scorerOf, usageOf } from "../resource-scores.ts";

export interface NodeResourcesFitArgs {
  /** Extended resources that are somebody else's matter. */
  readonly ignoredResources?: readonly string[];
  /** The same by the part before the slash. */
  readonly ignoredResourceGroups?: readonly string[];
  readonly scoringStrategy: ScoringStrategy;
}

type Request = readonly [name: string, amount: number];

/** What the pod asks for must be free; the strategy says which of the nodes that have it is preferred. */
export function nodeResourcesFit(args: NodeResourcesFitArgs): Plugin {
  const ignored = new Set(args.ignoredResources);
  const ignoredGroups = new Set(args.ignoredResourceGroups);
  const scoreOf = scorerOf(args.scoringStrategy);
  const { resources } = args.scoringStrategy;
  const plain = isPlain(args.scoringStrategy) ? leastOfCpuAndMemory : undefined;
  const isIgnored = (name: string) =>
    isExtendedResource(name) && (ignored.has(name) || ignoredGroups.has(name.slice(0, name.indexOf("/"))));
  const requestsOf = (pod: PodInfo): Request[] => {
    const requests: Request[] = [];
    for (const [name, amount] of pod.requests)
      if (amount > 0 && (ignored.size + ignoredGroups.size === 0 || !isIgnored(name))) requests.push([name, amount]);
    return requests.toSorted(([a], [b]) => rank(a) - rank(b));
  };
  return {
    name: "NodeResourcesFit",
    filter: (pod) => {
      const requests = requestsOf(pod);
      const refusals = new Map<number, Refusal>();
      const cpu = pod.requests.get("cpu") ?? 0;
      const memory = pod.requests.get("memory") ?? 0;
      // Most pods ask for nothing else.
      const more = requests.some(([name]) => name !== "cpu" && name !== "memory");
      return {
        check: (info) => {
          const fits = info.freePods > 0 && (cpu === 0 || cpu <= info.freeCpu) && (memory === 0 || memory <= info.freeMemory);
          return fits && !more ? undefined : shortage(requests, info, refusals);
        },
      };
    },
    score: (pod) => {
      if (plain) return { score: (info) => plain(info, pod.nonZero.cpu, pod.nonZero.memory) };
      const wanted = resources.map(({ name }) =>
        name === "cpu" ? pod.nonZero.cpu : name === "memory" ? pod.nonZero.memory : (pod.requests.get(name) ?? 0),
      );
      const allocatable = new Float64Array(resources.length);
      const requested = new Float64Array(resources.length);
      return {
        score: (info) => {
          usageOf(info, resources, wanted, true, allocatable, requested);
          return scoreOf(requested, allocatable);
        },
      };
    },
    events: [
      {
        resource: "Pod",
        actions: ["delete", "scaleDown"],
        helps: (pod, before, after) => {
          if (!after) return Boolean(before?.spec?.nodeName || before?.status?.nominatedNodeName);
          if (after.metadata?.uid === pod.uid) return true;
          if (!after.spec?.nodeName || !before) return false;
          const [was, is] = [podRequests(before), podRequests(after)];
          return requestsOf(pod).some(([name]) => (was.get(name) ?? 0) > (is.get(name) ?? 0));
        },
      },
      {
        resource: "Node",
        actions: ["add", "allocatable"],
        helps: (pod, before, after) => {
          if (!after) return false;
          const is = amountsOf(after.status?.allocatable);
          const requests = requestsOf(pod);
          if ((is.get("pods") ?? 0) < 1 || requests.some(([name, amount]) => amount > (is.get(name) ?? 0))) return false;
          if (!before) return true;
          const was = amountsOf(before.status?.allocatable);
          return ["pods", ...requests.map(([name]) => name)].some((name) => (is.get(name) ?? 0) > (was.get(name) ?? 0));
        },
      },
    ],
  };
}

/** The default strategy, which thousands of nodes are scored by for each pod. */
function isPlain({ type, resources }: ScoringStrategy): boolean {
  return (
    type === "LeastAllocated" &&
    resources.length === 2 &&
    resources[0]?.name === "cpu" &&
    resources[1]?.name === "memory" &&
    resources.every(({ weight }) => weight === 1)
  );
}

function leastOfCpuAndMemory(info: NodeInfo, cpu: number, memory: number): number {
  const { allocatableCpu, allocatableMemory } = info;
  let sum = 0;
  let counted = 0;
  if (allocatableCpu !== 0) {
    const left = allocatableCpu - info.nonZeroCpu - cpu;
    if (left > 0) sum += Math.floor((left * MAX_SCORE) / allocatableCpu);
    counted++;
  }
  if (allocatableMemory !== 0) {
    const left = allocatableMemory - info.nonZeroMemory - memory;
    if (left > 0) sum += Math.floor((left * MAX_SCORE) / allocatableMemory);
    counted++;
  }
  return counted === 2 ? sum >> 1 : sum;
}

const NO_REQUEST: Request = ["", 0];
const FIRST = ["cpu", "memory", "ephemeral-storage"];

function rank(name: string): number {
  const position = FIRST.indexOf(name);
  return position < 0 ? FIRST.length : position;
}

/** A bit for each thing that is missing. Refusals of the same sort are one object, so that thousands of them cost nothing. */
function shortage(requests: readonly Request[], info: NodeInfo, refusals: Map<number, Refusal>): Refusal | undefined {
  let missing = info.freePods > 0 ? 0 : 1;
  let unresolvable = false;
  for (let position = 0; position < requests.length; position++) {
    const [name, amount] = requests[position] ?? NO_REQUEST;
    const total = info.allocatable.get(name) ?? 0;
    if (amount <= total - (info.requested.get(name) ?? 0)) continue;
    missing += 2 ** (position + 2);
    unresolvable ||= amount > total;
  }
  if (missing === 0) return undefined;
  const id = unresolvable ? missing + 2 : missing;
  let refusal = refusals.get(id);
  if (!refusal) {
    const reasons = requests.flatMap(([name], position) =>
      Math.floor(missing / 2 ** (position + 2)) % 2 === 1 ? [`Insufficient ${name}`] : [],
    );
    if (info.freePods <= 0) reasons.unshift("Too many pods");
    refusals.set(id, (refusal = { reasons, ...(unresolvable ? { unresolvable } : {}) }));
  }
  return refusal;
}
