// Sets the sizes of workloads by what is measured of them. What to do is decided in decide.ts, proposals.ts, replicas.ts and
// limits.ts; this file reads and writes.

import type { Client } from "#client/client.ts";
import { errorOf, readText } from "#client/body.ts";
import { discover } from "#client/discovery.ts";
import type { Scale } from "#kinds/api/autoscaling-v1.gen.ts";
import { HorizontalPodAutoscaler, type HorizontalPodAutoscalerStatus, type MetricStatus } from "#kinds/api/autoscaling-v2.gen.ts";
import { Pod } from "#kinds/api/core-v1.gen.ts";
import { semanticEqual } from "#kinds/shared/semantic-equal.ts";
import { isConflict } from "#meta/errors.ts";
import { type DeepReadonly, type Key, keyOf, makeKey, splitKey } from "#meta/object.ts";
import { groupResource, parseApiVersion, type Resource } from "#meta/resource.ts";
import { type LabelMatcher, parseLabelSelector } from "#meta/selectors.ts";
import type { ControllerDefinition, ReconcileContext } from "#reconcile/controller.ts";
import {
  blind,
  type Decision,
  decideByMetrics,
  historyOf,
  rescaled,
  ruleBySize,
  type Standing,
  standingOf,
  statusOnly,
  statusWith,
  withCondition,
} from "./decide.ts";
import type { ScalingHistory } from "./history.ts";
import { createMetricValues, messageOf, type MetricValues, type ReadPath } from "./metric-values.ts";
import { judge, type Reading, readMetric, tolerancesOf, type Verdict } from "./proposals.ts";
import { createKindMapper, type KindMapper } from "./scale-targets.ts";

type AnyAutoscaler = DeepReadonly<HorizontalPodAutoscaler>;

/** Upstream's --horizontal-pod-autoscaler-sync-period. */
const SYNC_MS = 15_000;
const SCALE_ATTEMPTS = 5;

/** What is kept of an autoscaler between its runs. */
interface Memory {
  /** When its next run is due; what happens to it meanwhile does not matter. */
  dueAt: number;
  history?: ScalingHistory;
  /** Of its target's pods, as last seen. */
  selector?: LabelMatcher;
}

interface Run extends ReconcileContext {
  readonly autoscaler: AnyAutoscaler;
  readonly memory: Memory;
  readonly mapper: KindMapper;
  readonly metrics: MetricValues;
  /** All autoscalers that there are. */
  readonly memories: ReadonlyMap<Key, Memory>;
}

/** Made anew for each set of controllers: it remembers what it recommended and did. */
export function horizontalPodAutoscalerController(): ControllerDefinition {
  const memories = new Map<Key, Memory>();
  let parts: { readonly client: Client; readonly mapper: KindMapper } | undefined;
  return {
    name: "horizontal-pod-autoscaler",
    for: HorizontalPodAutoscaler,
    reads: [Pod],
    concurrency: 5,
    async reconcile(key, context) {
      const autoscaler = context.cache(HorizontalPodAutoscaler).get(key);
      if (!autoscaler) {
        memories.delete(key);
        return;
      }
      const now = context.clock.now();
      let memory = memories.get(key);
      if (!memory) memories.set(key, (memory = { dueAt: now + SYNC_MS }));
      if (now < memory.dueAt) return { requeueAfterMs: memory.dueAt - now };
      memory.dueAt = now + SYNC_MS;
      const { client, clock } = context;
      parts ??= { client, mapper: createKindMapper(async () => (await discover(client)).resources, clock.now) };
      const { mapper } = parts;
      const named = async (group: string, kind: string) => groupResource(await mapper.resourceOf(group, kind));
      const metrics = createMetricValues(reader(client, context.signal), named);
      await run({ ...context, autoscaler, memory, mapper, metrics, memories });
      return { requeueAfterMs: SYNC_MS };
    },
  };
}

function reader(client: Client, signal: AbortSignal): ReadPath {
  return async (path, query = {}) => {
    const request = { method: "GET", path, query: new URLSearchParams(query), headers: { accept: "application/json" }, signal } as const;
    const response = await client.transport(request);
    if (response.status < 200 || response.status >= 300) throw await errorOf(request, response);
    return JSON.parse(await readText(response.body)) as unknown;
  };
}

/** One run. What fails is said in the status and in events, and tried again when the next run is due. */
async function run(context: Run): Promise<void> {
  const { autoscaler, memory, clock } = context;
  const standing = standingOf(autoscaler, clock.now());
  const target = await readTarget(context, standing);
  if (!target) return;
  const { scale, resource } = target;
  const current = scale.spec?.replicas ?? 0;
  memory.history = historyOf(memory.history, current, clock.now());
  const found = withCondition(
    standing,
    "AbleToScale",
    "True",
    "SucceededGetScale",
    "the HPA controller was able to get the target's current scale",
  );
  const rule = ruleBySize(autoscaler, current);
  if (rule.kind === "disabled") {
    const message = "scaling is disabled since the replica count of the target is zero";
    const disabled = withCondition(found, "ScalingActive", "False", "ScalingDisabled", message);
    return writeStatus(context, statusWith(autoscaler, disabled, { current, desired: 0, metrics: [], rescaled: false }));
  }
  if (rule.kind === "fixed") {
    const { replicas, because } = rule;
    return finish(context, resource, scale, { replicas, because, standing: found, history: memory.history }, []);
  }
  const measured = await measure(context, scale, found);
  if ("standing" in measured) {
    const desired = autoscaler.status?.desiredReplicas ?? 0;
    await writeStatus(
      context,
      statusWith(autoscaler, measured.standing, { current, desired, metrics: measured.statuses, rescaled: false }),
    );
    tell(context, "Warning", "FailedComputeMetricsReplicas", measured.error);
    return;
  }
  const { verdict, replicas } = measured;
  if (verdict.error !== undefined) context.log.debug("some metrics are not known", { key: keyOf(autoscaler), error: verdict.error });
  const decision = decideByMetrics(autoscaler, current, { metric: verdict.metric, replicas }, found, memory.history);
  memory.history = decision.history;
  await finish(context, resource, scale, decision, verdict.statuses);
}

interface Target {
  readonly resource: Resource<Scale>;
  readonly scale: Scale;
}

/** Undefined: there is no scale to be had, which is told. */
async function readTarget(context: Run, standing: Standing): Promise<Target | undefined> {
  const { autoscaler, mapper, client, signal } = context;
  const { apiVersion = "", kind, name } = autoscaler.spec.scaleTargetRef;
  try {
    const { group } = parseApiVersion(apiVersion);
    const resource = await mapper.resourceOf(group, kind);
    const scale = await client.getSubresource<Scale>(resource, makeKey(autoscaler.metadata?.namespace, name), "scale", { signal });
    return { resource, scale };
  } catch (error) {
    if (signal.aborted) return undefined;
    const words = messageOf(error);
    tell(context, "Warning", "FailedGetScale", words);
    const message = `the HPA controller was unable to get the target's current scale: ${words}`;
    await writeStatus(context, statusOnly(autoscaler, withCondition(standing, "AbleToScale", "False", "FailedGetScale", message)));
    return undefined;
  }
}

type Measured =
  | { readonly verdict: Verdict; readonly replicas: number }
  | { readonly standing: Standing; readonly error: string; readonly statuses: readonly MetricStatus[] };

/** Reads the metrics and has them judged. */
async function measure(context: Run, scale: Scale, standing: Standing): Promise<Measured> {
  const { autoscaler, metrics, clock, cache } = context;
  const namespace = autoscaler.metadata?.namespace ?? "";
  const refuse = (reason: string, conditionReason: string, error: string, message = error): Measured => {
    tell(context, "Warning", reason, error);
    return { standing: withCondition(standing, "ScalingActive", "False", conditionReason, message), error, statuses: [] };
  };
  const text = scale.status?.selector ?? "";
  if (text === "") {
    return refuse("SelectorRequired", "InvalidSelector", "selector is required", "the HPA target's scale is missing a selector");
  }
  let selector: LabelMatcher;
  try {
    selector = parseLabelSelector(text);
  } catch (error) {
    const words = `couldn't convert selector into a corresponding internal selector object: ${messageOf(error)}`;
    return refuse("InvalidSelector", "InvalidSelector", words);
  }
  context.memory.selector = selector;
  const pods = cache(Pod).list({ namespace, matcher: selector });
  const rivals = rivalsFor(context, namespace, pods);
  if (rivals.length > 1) {
    const words = `pods by selector ${text} are controlled by multiple HPAs: [${rivals.join(" ")}]`;
    return refuse("AmbiguousSelector", "AmbiguousSelector", words);
  }
  const { spec } = autoscaler;
  const specs = spec.metrics ?? [];
  const read = (one: (typeof specs)[number]): Promise<Reading> =>
    readMetric(one, namespace, text, metrics).catch((error: unknown) => ({ error: messageOf(error) }));
  const readings = await Promise.all(specs.map(read));
  const sizes = { replicas: scale.spec?.replicas ?? 0, statusReplicas: scale.status?.replicas ?? 0 };
  const verdict = judge(specs, readings, { ...sizes, pods, tolerances: tolerancesOf(spec), now: clock.now() }, namespace);
  for (const { reason, message } of verdict.failures) tell(context, "Warning", reason, message);
  const { replicas, error = "", statuses } = verdict;
  if (replicas !== undefined) return { verdict, replicas };
  return { standing: blind(verdict, standing) ?? standing, error, statuses };
}

/** The autoscalers whose selectors take one of these pods, as upstream prints them. */
function rivalsFor({ memories, autoscaler }: Run, namespace: string, pods: readonly DeepReadonly<Pod>[]): string[] {
  const rivals: string[] = [];
  for (const [key, { selector }] of memories) {
    if (!selector || splitKey(key).namespace !== namespace) continue;
    const takes = key === keyOf(autoscaler) ? pods.length > 0 : pods.some(({ metadata }) => selector.matches(metadata?.labels));
    if (takes) rivals.push(`{${splitKey(key).name} ${namespace}}`);
  }
  return rivals.toSorted();
}

/** Sets the size if it is another one, and writes the status. */
async function finish(context: Run, resource: Target["resource"], scale: Scale, decision: Decision, metrics: readonly MetricStatus[]) {
  const { autoscaler, memory } = context;
  const current = scale.spec?.replicas ?? 0;
  const { replicas, because } = decision;
  if (replicas === current) {
    const status = statusWith(autoscaler, decision.standing, { current, desired: current, metrics, rescaled: false });
    return writeStatus(context, status);
  }
  try {
    await setSize(context, resource, scale, replicas);
  } catch (error) {
    if (context.signal.aborted) return;
    const words = messageOf(error);
    tell(context, "Warning", "FailedRescale", `New size: ${replicas}; reason: ${because}; error: ${words}`);
    const message = `the HPA controller was unable to update the target scale: ${words}`;
    const failed = withCondition(decision.standing, "AbleToScale", "False", "FailedUpdateScale", message);
    const desired = autoscaler.status?.desiredReplicas ?? 0;
    return writeStatus(context, statusWith(autoscaler, failed, { current, desired, metrics, rescaled: false }));
  }
  const after = rescaled(autoscaler, current, decision);
  memory.history = after.history;
  tell(context, "Normal", "SuccessfulRescale", `New size: ${replicas}; reason: ${because}`);
  await writeStatus(context, statusWith(autoscaler, after.standing, { current, desired: replicas, metrics, rescaled: true }));
}

async function setSize({ client, signal }: Run, resource: Target["resource"], scale: Scale, replicas: number): Promise<void> {
  const key = keyOf(scale);
  let base = scale;
  for (let attempt = 1; ; attempt++) {
    try {
      await client.updateSubresource(resource, key, "scale", { ...base, spec: { ...base.spec, replicas } }, { signal });
      return;
    } catch (error) {
      if (!isConflict(error) || attempt >= SCALE_ATTEMPTS) throw error;
      base = await client.getSubresource<Scale>(resource, key, "scale", { signal });
    }
  }
}

async function writeStatus(context: Run, status: HorizontalPodAutoscalerStatus): Promise<void> {
  const { autoscaler, client, signal } = context;
  if (semanticEqual(autoscaler.status, status)) return;
  try {
    // The cache's object is only sent: its spec and metadata are not what this write is about.
    await client.updateStatus(HorizontalPodAutoscaler, { ...(autoscaler as HorizontalPodAutoscaler), status }, { signal });
  } catch (error) {
    if (signal.aborted) return;
    tell(context, "Warning", "FailedUpdateStatus", messageOf(error));
    context.log.debug("status could not be written", { key: keyOf(autoscaler), error });
  }
}

function tell({ events, autoscaler }: Run, type: "Normal" | "Warning", reason: string, message: string): void {
  events.event({ resource: HorizontalPodAutoscaler, object: autoscaler }, type, reason, message);
}
