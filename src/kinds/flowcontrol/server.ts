// Keeps the flow schemas and priority levels that every cluster has, and says of each flow schema whether its level is there.

import { setImmediate } from "node:timers/promises";
import type { ServerContext, ServerExtension } from "#apiserver/extension.ts";
import type { Registry } from "#apiserver/registry.ts";
import { FlowSchema, type FlowSchemaCondition, PriorityLevelConfiguration } from "#kinds/api/flowcontrol-v1.gen.ts";
import { semanticEqual } from "#kinds/shared/semantic-equal.ts";
import type { Timer } from "#lib/clock.ts";
import { isAlreadyExists, isNotFound, quote } from "#meta/errors.ts";
import { type DeepReadonly, keyOf, type KubeObject, makeKey } from "#meta/object.ts";
import type { Resource } from "#meta/resource.ts";
import { formatTime } from "#meta/time.ts";
import { AUTO_UPDATE_ANNOTATION, type FlowControlBootstrap, mandatoryFlowControl, suggestedFlowControl } from "./bootstrap.ts";

/** Upstream's. What must be there and was deleted is back then. */
const INTERVAL_MS = 60_000;

export const flowControlExtension: ServerExtension = {
  name: "flowcontrol",
  start(context) {
    const { registry, clock, log } = context;
    let timer: Timer | undefined;
    let dangling: Disposable | undefined;
    let stopped = false;
    const keep = async (): Promise<void> => {
      try {
        const now = formatTime(clock.now());
        await Promise.all([mandatoryFlowControl(), suggestedFlowControl()].map((objects) => ensureAll(registry, objects, now)));
      } catch (error) {
        log.warn("flow control's own objects could not be put right", { error: String(error) });
      }
      if (!stopped) timer = clock.after(INTERVAL_MS, () => void keep());
    };
    return Promise.resolve({
      async afterStart() {
        // The first request goes first.
        await setImmediate();
        await keep();
        if (!stopped) dangling = await tellDangling(context);
      },
      stop() {
        stopped = true;
        timer?.cancel();
        dangling?.[Symbol.dispose]();
        return Promise.resolve();
      },
    });
  },
};

async function ensureAll(registry: Registry, { priorityLevels, flowSchemas }: FlowControlBootstrap, now: string): Promise<void> {
  await Promise.all([
    ...priorityLevels.map((level) => ensure(registry, PriorityLevelConfiguration, level)),
    // Their levels come with them, so that what is told of that needs no writes of its own.
    ...flowSchemas.map((schema) => {
      const condition = danglingCondition(schema, () => true, now);
      return ensure(registry, FlowSchema, { ...schema, ...(condition ? { status: { conditions: [condition] } } : {}) });
    }),
  ]);
}

/** Creates what is missing; puts a spec right as long as its annotation lets the server do so. */
async function ensure<T extends KubeObject & { spec?: unknown }>(registry: Registry, resource: Resource<T>, wanted: T): Promise<void> {
  const key = keyOf(wanted);
  const stored = await registry.get(resource, key);
  if (!stored) {
    try {
      await registry.create(resource, wanted);
    } catch (error) {
      // Another server on the same store was first.
      if (!isAlreadyExists(error)) throw error;
    }
    return;
  }
  if (stored.metadata?.annotations?.[AUTO_UPDATE_ANNOTATION] !== "true" || keepsSpec(stored, wanted)) return;
  await registry.update(resource, key, (object) => {
    object.spec = wanted.spec;
  });
}

/** What the level `exempt` says of itself is for people to change. */
function keepsSpec(stored: { readonly spec?: unknown }, wanted: { readonly spec?: unknown }): boolean {
  if (typeof wanted.spec === "object" && wanted.spec !== null && "exempt" in wanted.spec) return true;
  return semanticEqual(stored.spec, wanted.spec);
}

/** What is said of a flow schema; undefined if it says so already. */
export function danglingCondition(
  { spec, status }: DeepReadonly<FlowSchema>,
  hasLevel: (name: string) => boolean,
  now: string,
): FlowSchemaCondition | undefined {
  const level = spec?.priorityLevelConfiguration?.name ?? "";
  const start = `This FlowSchema references the PriorityLevelConfiguration object named ${quote(level)}`;
  const wanted = hasLevel(level)
    ? { status: "False", reason: "Found", message: `${start} and it exists` }
    : { status: "True", reason: "NotFound", message: `${start} but there is no such object` };
  const told = status?.conditions?.find(({ type }) => type === "Dangling");
  if (told?.status === wanted.status && told.reason === wanted.reason && told.message === wanted.message) return undefined;
  return { type: "Dangling", ...wanted, lastTransitionTime: now };
}

/** Follows schemas and levels until it is disposed. */
async function tellDangling({ registry, clock, log }: ServerContext): Promise<Disposable> {
  const [schemas, levels] = [registry.cache(FlowSchema), registry.cache(PriorityLevelConfiguration)];
  await Promise.all([schemas.ready, levels.ready]);
  const hasLevel = (name: string) => levels.get(makeKey("", name)) !== undefined;
  let disposed = false;
  const tell = async (schema: DeepReadonly<FlowSchema>): Promise<void> => {
    const now = formatTime(clock.now());
    if (disposed || !danglingCondition(schema, hasLevel, now)) return;
    try {
      await registry.update(FlowSchema, keyOf(schema), (object) => {
        const condition = danglingCondition(object, hasLevel, now);
        if (!condition) return false;
        const others = (object.status?.conditions ?? []).filter(({ type }) => type !== condition.type);
        object.status = { ...object.status, conditions: [...others, condition] };
        return undefined;
      });
    } catch (error) {
      if (!isNotFound(error)) log.warn("a flow schema's condition could not be written", { error: String(error) });
    }
  };
  const subscriptions = [
    schemas.subscribe(({ after }) => {
      if (after) void tell(after);
    }),
    levels.subscribe(({ before, after }) => {
      // Only that a level comes or goes matters.
      if (before && after) return;
      const name = (after ?? before)?.metadata?.name;
      for (const schema of schemas.list()) if (schema.spec?.priorityLevelConfiguration?.name === name) void tell(schema);
    }),
  ];
  return {
    [Symbol.dispose]() {
      disposed = true;
      for (const subscription of subscriptions) subscription[Symbol.dispose]();
    },
  };
}
