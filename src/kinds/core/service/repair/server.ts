// Keeps Services and the objects of their addresses in step: after a crash between two writes, and when somebody changes one by hand.

import type { ServerContext } from "#apiserver/extension.ts";
import { Service } from "#kinds/api/core-v1.gen.ts";
import { Event } from "#kinds/api/events-v1.gen.ts";
import { IPAddress, ServiceCIDR } from "#kinds/api/networking-v1.gen.ts";
import type { Timer } from "#lib/clock.ts";
import { isAlreadyExists } from "#meta/errors.ts";
import { makeKey } from "#meta/object.ts";
import { addressObject } from "../addresses/address-object.ts";
import { planRepair, type RepairStep } from "./plan.ts";

/** Upstream's interval. */
const INTERVAL_MS = 3 * 60_000;
/** How long after a change that was not expected. Writes under way have come to their end by then. */
const SOON_MS = 5_000;
const CONTROLLER = "ipallocator-repair-controller";

export function repairAddresses({ registry, clock, log, random }: ServerContext): { start(): void; stop(): void } {
  const [services, addresses, ranges] = [registry.cache(Service), registry.cache(IPAddress), registry.cache(ServiceCIDR)];
  let timer: Timer | undefined;
  let dueAt = Infinity;
  let stopped = false;
  let following: Disposable | undefined;

  const schedule = (delayMs: number): void => {
    const at = clock.now() + delayMs;
    if (stopped || at >= dueAt) return;
    timer?.cancel();
    dueAt = at;
    timer = clock.after(delayMs, () => void run());
  };
  const run = async (): Promise<void> => {
    dueAt = Infinity;
    const plan = planRepair({ services: services.list(), addresses: addresses.list(), ranges: ranges.list(), now: clock.now() });
    for (const step of plan.steps) {
      try {
        await tell(step);
        await mend(step);
      } catch (error) {
        log.warn("a cluster address could not be repaired", { reason: step.reason, error: String(error) });
      }
    }
    schedule(Math.min(INTERVAL_MS, plan.againInMs ?? INTERVAL_MS));
  };
  const mend = async ({ mend: what, ip, service, address }: RepairStep): Promise<void> => {
    const old = address?.metadata;
    if (what === "remove" || what === "recreate")
      await registry.delete(IPAddress, makeKey("", old?.name ?? ""), old?.uid ? { uid: old.uid } : {});
    if (what === undefined || what === "remove" || !ip || !service) return;
    const { namespace = "", name = "" } = service.metadata ?? {};
    await registry.create(IPAddress, addressObject(ip, { namespace, name })).catch((error: unknown) => {
      if (!isAlreadyExists(error)) throw error;
    });
  };
  const tell = async ({ service, address, reason, action, note, mend: what }: RepairStep): Promise<void> => {
    const about = what === "remove" ? address : (service ?? address);
    const isService = about === service;
    const { name = "", namespace, uid, resourceVersion } = about?.metadata ?? {};
    const time = new Date(clock.now()).toISOString().replace("Z", "000Z");
    await registry.create(Event, {
      metadata: {
        name: `${name}.${(clock.now() * 1e6 + Math.floor(random() * 1e6)).toString(16)}`,
        namespace: namespace ?? "default",
      },
      eventTime: time,
      reportingController: CONTROLLER,
      reportingInstance: CONTROLLER,
      action,
      reason,
      note,
      type: "Warning",
      regarding: {
        ...(isService ? { kind: "Service", apiVersion: "v1" } : { kind: "IPAddress", apiVersion: "networking.k8s.io/v1" }),
        name,
        ...(namespace ? { namespace } : {}),
        ...(uid ? { uid } : {}),
        ...(resourceVersion ? { resourceVersion } : {}),
      },
    });
  };
  return {
    start() {
      if (stopped) return;
      // Addresses come with Services; what is looked into are changes and those that go while their Service stays.
      following = addresses.subscribe(({ before, after }) => {
        if (!before) return;
        const parent = before.spec?.parentRef;
        if (after || services.get(makeKey(parent?.namespace, parent?.name ?? ""))) schedule(SOON_MS);
      });
      schedule(SOON_MS);
    },
    stop() {
      stopped = true;
      timer?.cancel();
      following?.[Symbol.dispose]();
    },
  };
}
