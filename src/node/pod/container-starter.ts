// Starts one container: image, environment, mounts, the program, its postStart hook.

import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ConfigMap, Pod, Secret } from "#kinds/api/core-v1.gen.ts";
import type { DeepReadonly } from "#meta/object.ts";
import { milliValue, quantityValue } from "#meta/quantity.ts";
import { podFolder, podLogFolder, type AgentContext } from "../agent-context.ts";
import { environmentReferences, expand, makeEnvironment, serviceVariables } from "../environment.ts";
import { runHandler } from "../probes/handlers.ts";
import { RuntimeError, type ContainerSpec, type Mount, type Sandbox } from "../runtime.ts";
import { containerMounts } from "../volumes/mounts.ts";
import { hostsText, podHostname } from "./hostname.ts";
import { imageNameProblem } from "./image-name.ts";
import type { ContainerKind, ContainerMemory, ContainerObject, PodObject } from "./pod-view.ts";

/** Tells virtual runtimes what sort of container it is: their init containers should end by themselves. */
const KIND_ANNOTATION = "kobune.dev/container-kind";

export interface StartRequest {
  readonly pod: PodObject;
  readonly sandbox: Sandbox;
  readonly container: ContainerObject;
  readonly kind: ContainerKind;
  readonly attempt: number;
  /** Paths of the pod's volumes by name. */
  readonly volumes: ReadonlyMap<string, string>;
  readonly memory: ContainerMemory;
  /** Aborts the hook. */
  readonly signal: AbortSignal;
  /** The program runs; the hook may still be running. */
  readonly onStarted: (id: string) => void;
}

/** `spec.containers{name}`, for events. */
export function fieldPathOf(kind: ContainerKind, name: string): string {
  return `spec.${kind === "app" ? "containers" : kind === "ephemeral" ? "ephemeralContainers" : "initContainers"}{${name}}`;
}

/** The file behind terminationMessagePath. */
export function terminationLogPath(context: AgentContext, pod: PodObject, container: string, attempt: number): string {
  return join(podFolder(context.dataDir, pod.metadata?.uid ?? ""), "containers", container, `${attempt}.termination-log`);
}

/** Rejects with RuntimeError; its events are told already. */
export async function startContainer(request: StartRequest, context: AgentContext): Promise<void> {
  const { pod, sandbox, container, kind, memory } = request;
  const about = { resource: Pod, object: pod, fieldPath: fieldPathOf(kind, container.name) };
  const event = (type: "Normal" | "Warning", reason: string, message: string) => context.events.event(about, type, reason, message);
  const image = container.image ?? "";
  const problem = imageNameProblem(image);
  if (problem !== undefined) {
    const message = `Failed to apply default image tag ${JSON.stringify(image)}: couldn't parse image name ${JSON.stringify(image)}: ${problem}`;
    event("Warning", "InspectFailed", message);
    event("Warning", "Failed", "Error: InvalidImageName");
    throw new RuntimeError("InvalidImageName", message);
  }
  const pulled = () => event("Normal", "Pulled", `Container image "${image}" already present on machine and can be accessed by the pod`);
  /** Tells why it does not start; `reason` is for errors that bring none of their own. */
  const failed = (cause: unknown, reason: string): RuntimeError => {
    const message = cause instanceof Error ? cause.message : String(cause);
    const error = cause instanceof RuntimeError ? cause : new RuntimeError(reason, message, { cause });
    if (error.reason === "ErrImagePull") {
      event("Warning", "Failed", `Failed to pull image "${image}": ${message}`);
      event("Warning", "Failed", "Error: ErrImagePull");
    } else {
      if (reason !== "ErrImagePull") pulled();
      event("Warning", "Failed", `Error: ${message}`);
    }
    return error;
  };
  try {
    memory.imageId = await context.runtime.pullImage(image);
  } catch (error) {
    throw failed(error, "ErrImagePull");
  }
  let id: string;
  try {
    const spec = await containerSpec(request, context);
    id = await context.runtime.startContainer(sandbox.id, spec);
  } catch (error) {
    throw failed(error, "CreateContainerError");
  }
  pulled();
  const hook = container.lifecycle?.postStart;
  if (hook) memory.hookRunning = id;
  event("Normal", "Created", "Container created");
  event("Normal", "Started", "Container started");
  request.onStarted(id);
  if (!hook) return;
  const target = { ...context, sandboxId: sandbox.id, podIp: sandbox.ips[0] ?? "", container, containerId: id };
  const { ok, output } = await runHandler(hook, target, 2 ** 31 - 1, request.signal);
  memory.hookRunning = undefined;
  if (ok || request.signal.aborted) return;
  event("Warning", "FailedPostStartHook", `PostStartHook failed${output === "" ? "" : `: ${output}`}`);
  event("Normal", "Killing", "FailedPostStartHook");
  await context.runtime.stopContainer(id, (pod.spec?.terminationGracePeriodSeconds ?? 30) * 1000);
  throw new RuntimeError("PostStartHookError", output);
}

async function containerSpec(request: StartRequest, context: AgentContext): Promise<ContainerSpec> {
  const { pod, sandbox, container, attempt } = request;
  const uid = pod.metadata?.uid ?? "";
  const base = {
    podUid: uid,
    name: container.name,
    image: container.image ?? "",
    stdin: container.stdin === true,
    stdinOnce: container.stdinOnce === true,
    tty: container.tty === true,
    attempt,
    logPath: join(podLogFolder(context.dataDir, pod), container.name, `${attempt}.log`),
    annotations: pod.metadata?.annotations ?? {},
    resources: limitsOf(container),
  };
  if (context.runtime.virtual) {
    const { command, args } = container;
    const annotations = { ...base.annotations, [KIND_ANNOTATION]: request.kind };
    return { ...base, annotations, env: [], mounts: [], ...(command ? { command } : {}), ...(args ? { args } : {}) };
  }
  const environment = await environmentOf(request, context);
  const lookUp = (name: string) => environment.get(name);
  const mounts = await containerMounts(pod, container, request.volumes, environment);
  if (container.terminationMessagePath) {
    const hostPath = terminationLogPath(context, pod, container.name, attempt);
    await mkdir(join(hostPath, ".."), { recursive: true });
    await writeFile(hostPath, "", { mode: 0o666 });
    mounts.push({ hostPath, containerPath: container.terminationMessagePath, readOnly: false });
  }
  const hosts = await hostsFile(request, context, mounts);
  if (hosts !== undefined) mounts.push(hosts);
  return {
    ...base,
    ...(container.command ? { command: container.command.map((word) => expand(word, lookUp)) } : {}),
    ...(container.args ? { args: container.args.map((word) => expand(word, lookUp)) } : {}),
    ...(container.workingDir ? { workingDir: container.workingDir } : {}),
    env: [
      { name: "HOSTNAME", value: podHostname(pod) },
      { name: "POD_IP", value: sandbox.ips[0] ?? "" },
      ...Array.from(environment, ([name, value]) => ({ name, value })),
    ],
    mounts,
  };
}

function limitsOf(container: ContainerObject): NonNullable<ContainerSpec["resources"]> {
  const { cpu, memory } = container.resources?.limits ?? {};
  return {
    ...(cpu === undefined ? {} : { cpuMillis: milliValue(cpu) }),
    ...(memory === undefined ? {} : { memoryBytes: quantityValue(memory) }),
  };
}

async function environmentOf(request: StartRequest, context: AgentContext): Promise<Map<string, string>> {
  const { pod, container, sandbox } = request;
  const { namespace = "", uid = "" } = pod.metadata ?? {};
  const wanted = environmentReferences(container);
  const configMaps = new Map<string, DeepReadonly<ConfigMap> | undefined>();
  const secrets = new Map<string, DeepReadonly<Secret> | undefined>();
  await Promise.all([
    ...Array.from(wanted.configMaps, async (name) => configMaps.set(name, await context.references.get(uid, ConfigMap, namespace, name))),
    ...Array.from(wanted.secrets, async (name) => secrets.set(name, await context.references.get(uid, Secret, namespace, name))),
  ]);
  return makeEnvironment(pod, container, {
    podIps: sandbox.ips,
    hostIps: context.hostIps,
    allocatable: context.allocatable,
    configMap: (name) => configMaps.get(name),
    secret: (name) => secrets.get(name),
    serviceVariables: serviceVariables(pod.spec?.enableServiceLinks === false ? [] : context.services(namespace), context.apiServerAddress),
  });
}

/** The pod's /etc/hosts, unless it brings its own or uses the host's. */
async function hostsFile(request: StartRequest, context: AgentContext, mounts: readonly Mount[]): Promise<Mount | undefined> {
  const { pod, sandbox } = request;
  if (pod.spec?.hostNetwork || mounts.some((mount) => mount.containerPath === "/etc/hosts")) return undefined;
  const text = hostsText(pod, sandbox.ips);
  const hostPath = join(podFolder(context.dataDir, pod.metadata?.uid ?? ""), "etc-hosts");
  await mkdir(join(hostPath, ".."), { recursive: true });
  await writeFile(hostPath, text);
  return { hostPath, containerPath: "/etc/hosts", readOnly: false };
}
