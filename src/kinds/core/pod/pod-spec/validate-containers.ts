// Containers of all three sorts: what they share, and what only one sort may say.

import type {
  Container,
  ContainerPort,
  EphemeralContainer,
  Lifecycle,
  LifecycleHandler,
  Probe,
  Volume,
  VolumeMount,
} from "#kinds/api/core-v1.gen.ts";
import {
  checkDnsLabel,
  checkNonNegative,
  checkOneOf,
  checkPortNumber,
  checkPortNumberOrName,
  checkRequired,
  checkRequiredOneOf,
  checkRule,
  PROTOCOLS,
  type Errors,
} from "#kinds/shared/checks.ts";
import { field } from "#meta/errors.ts";
import { httpHeaderName, portName } from "#meta/names.ts";
import type { DeepReadonly } from "#meta/object.ts";
import { checkDescendingPath } from "./paths.ts";
import { validateEnv, validateEnvFrom } from "./validate-env.ts";
import { validateContainerResources } from "./validate-resources.ts";
import { validateSecurityContext } from "./validate-security.ts";

type AnyContainer = DeepReadonly<Container> | DeepReadonly<EphemeralContainer>;

/** What containers are checked against. */
export interface ContainerContext {
  readonly errors: Errors;
  readonly volumes: ReadonlyMap<string, DeepReadonly<Volume>>;
  readonly claims: ReadonlySet<string>;
  readonly gracePeriod: number | undefined;
  readonly restartPolicy: string;
  readonly os: string | undefined;
  readonly hostUsers: boolean;
  readonly isPod: boolean;
  /** Resize policies may restart init containers: the stored pod has such. */
  readonly initRestarts: boolean;
  /** Huge pages may be broken: those of the stored pod are. */
  readonly brokenPages: boolean;
}

const PULL_POLICIES = ["Always", "IfNotPresent", "Never"];
const MESSAGE_POLICIES = ["File", "FallbackToLogsOnError"];
const RESTART_POLICIES = ["Always", "Never", "OnFailure"];
const RULE_ACTIONS = ["Restart", "RestartAllContainers"];
const SIGNALS_WINDOWS = ["SIGKILL", "SIGTERM"];
const SIGNAL_LINUX =
  /^SIG(ABRT|ALRM|BUS|CHLD|CLD|CONT|FPE|HUP|ILL|INT|IO|IOT|KILL|PIPE|POLL|PROF|PWR|QUIT|SEGV|STKFLT|STOP|SYS|TERM|TRAP|TSTP|TTIN|TTOU|URG|USR1|USR2|VTALRM|WINCH|XCPU|XFSZ|RTMIN(\+([1-9]|1[0-5]))?|RTMAX(-([1-9]|1[0-4]))?)$/;
/** Fields that only pods' lasting containers have. */
const NOT_EPHEMERAL = [
  "ports",
  "resources",
  "livenessProbe",
  "readinessProbe",
  "startupProbe",
  "lifecycle",
  "resizePolicy",
  "restartPolicy",
  "restartPolicyRules",
] as const;

export function validateContainers(context: ContainerContext, path: string, containers: readonly DeepReadonly<Container>[]): void {
  const { errors } = context;
  if (containers.length === 0) {
    errors.push(field.required(path));
    return;
  }
  const names = new Set<string>();
  for (const [index, container] of containers.entries()) {
    const at = `${path}[${index}]`;
    validateCommon(context, at, container);
    if (names.has(container.name)) errors.push(field.duplicate(`${at}.name`, container.name));
    names.add(container.name);
    validateRunning(context, at, container);
    validateRestartRules(errors, at, container);
  }
  checkHostPorts(errors, path, containers);
}

export function validateInitContainers(
  context: ContainerContext,
  path: string,
  containers: readonly DeepReadonly<Container>[],
  others: readonly DeepReadonly<Container>[],
): void {
  const { errors } = context;
  const names = new Set(others.map((container) => container.name));
  for (const [index, container] of containers.entries()) {
    const at = `${path}[${index}]`;
    validateCommon(context, at, container);
    validateRestartRules(errors, at, container);
    if (names.has(container.name)) errors.push(field.duplicate(`${at}.name`, container.name));
    else if (container.name) names.add(container.name);
    checkHostPorts(errors, path, [container]);
    if (container.restartPolicy === "Always") validateRunning(context, at, container);
    else {
      for (const name of ["lifecycle", "livenessProbe", "readinessProbe", "startupProbe"] as const) {
        if (container[name])
          errors.push(field.forbidden(`${at}.${name}`, "may not be set for init containers without restartPolicy=Always"));
      }
      for (const [position, { restartPolicy }] of (container.resizePolicy ?? []).entries()) {
        if (restartPolicy !== "RestartContainer" || context.initRestarts) continue;
        const text = "must not be set to 'RestartContainer' for non-sidecar initContainers";
        errors.push(field.invalid(`${at}.resizePolicy[${position}].restartPolicy`, restartPolicy, text));
      }
    }
  }
}

export function validateEphemeralContainers(
  context: ContainerContext,
  path: string,
  containers: readonly DeepReadonly<EphemeralContainer>[],
  others: readonly DeepReadonly<Container>[],
): void {
  const { errors } = context;
  const lasting = new Set(others.map((container) => container.name));
  const names = new Set(lasting);
  for (const [index, container] of containers.entries()) {
    const at = `${path}[${index}]`;
    validateCommon(context, at, container);
    checkImageText(errors, at, container);
    if (names.has(container.name)) errors.push(field.duplicate(`${at}.name`, container.name));
    names.add(container.name);
    const target = container.targetContainerName;
    if (target && !lasting.has(target)) errors.push(field.notFound(`${at}.targetContainerName`, target));
    for (const name of NOT_EPHEMERAL) {
      const value: unknown = container[name];
      if (value === undefined || value === null || (typeof value === "object" && Object.keys(value).length === 0)) continue;
      errors.push(field.forbidden(`${at}.${name}`, "cannot be set for an Ephemeral Container"));
    }
    for (const [position, mount] of (container.volumeMounts ?? []).entries()) {
      for (const name of ["subPath", "subPathExpr"] as const) {
        if (mount[name])
          errors.push(field.forbidden(`${at}.volumeMounts[${position}].${name}`, "cannot be set for an Ephemeral Container"));
      }
    }
  }
}

/** Only of pods: templates may have images with spaces around them, which kubectl may still fill in. */
export function checkImageText(errors: Errors, path: string, { image = "" }: AnyContainer): void {
  if (image !== image.trim()) errors.push(field.invalid(`${path}.image`, image, "must not have leading or trailing whitespace"));
}

function validateCommon(context: ContainerContext, path: string, container: AnyContainer): void {
  const { errors } = context;
  if (checkRequired(errors, `${path}.name`, container.name)) checkDnsLabel(errors, `${path}.name`, container.name);
  checkRequired(errors, `${path}.image`, container.image);
  checkRequiredOneOf(errors, `${path}.terminationMessagePolicy`, container.terminationMessagePolicy, MESSAGE_POLICIES, "given");
  validatePorts(errors, `${path}.ports`, container.ports ?? []);
  validateEnv(errors, `${path}.env`, container.env ?? []);
  validateEnvFrom(errors, `${path}.envFrom`, container.envFrom ?? []);
  validateMounts(context, path, container);
  validateDevices(context, path, container);
  checkRequiredOneOf(errors, `${path}.imagePullPolicy`, container.imagePullPolicy, PULL_POLICIES);
  validateContainerResources(errors, `${path}.resources`, container.resources, context.claims, context.brokenPages);
  validateResizePolicy(context, `${path}.resizePolicy`, container);
  validateSecurityContext(errors, `${path}.securityContext`, container.securityContext, context.hostUsers);
}

function validatePorts(errors: Errors, path: string, ports: readonly DeepReadonly<ContainerPort>[]): void {
  const names = new Set<string>();
  for (const [index, port] of ports.entries()) {
    const at = `${path}[${index}]`;
    if (port.name) {
      const wrong = portName(port.name);
      for (const text of wrong) errors.push(field.invalid(`${at}.name`, port.name, text));
      if (wrong.length === 0 && names.has(port.name)) errors.push(field.duplicate(`${at}.name`, port.name));
      names.add(port.name);
    }
    if (!port.containerPort) errors.push(field.required(`${at}.containerPort`));
    else checkPortNumber(errors, `${at}.containerPort`, port.containerPort);
    if (port.hostPort) checkPortNumber(errors, `${at}.hostPort`, port.hostPort);
    checkRequiredOneOf(errors, `${at}.protocol`, port.protocol, PROTOCOLS);
  }
}

function validateMounts({ errors, volumes }: ContainerContext, path: string, container: AnyContainer): void {
  const devices = container.volumeDevices ?? [];
  const points = new Set<string>();
  const list = `${path}.volumeMounts`;
  for (const [index, mount] of (container.volumeMounts ?? []).entries()) {
    const at = `${list}[${index}]`;
    // Decoding does not insist on required fields.
    const given: Partial<DeepReadonly<VolumeMount>> = mount;
    const { name = "", mountPath = "" } = given;
    checkRequired(errors, `${at}.name`, name);
    if (!volumes.has(name)) errors.push(field.notFound(`${at}.name`, name));
    checkRequired(errors, `${at}.mountPath`, mountPath);
    if (points.has(mountPath)) errors.push(field.invalid(`${at}.mountPath`, mountPath, "must be unique"));
    points.add(mountPath);
    if (devices.some((device) => device.name === name)) {
      errors.push(field.invalid(`${at}.name`, name, "must not already exist in volumeDevices"));
    }
    if (devices.some((device) => device.devicePath === mountPath)) {
      errors.push(field.invalid(`${at}.mountPath`, mountPath, "must not already exist as a path in volumeDevices"));
    }
    // Upstream names the list, not the entry, in these.
    if (mount.subPath) checkDescendingPath(errors, `${list}.subPath`, mount.subPath);
    if (mount.subPathExpr) {
      if (mount.subPath)
        errors.push(field.invalid(`${at}.subPathExpr`, mount.subPathExpr, "subPathExpr and subPath are mutually exclusive"));
      checkDescendingPath(errors, `${list}.subPathExpr`, mount.subPathExpr);
    }
    validatePropagation(errors, list, mount, container);
  }
}

function validatePropagation(errors: Errors, list: string, mount: DeepReadonly<VolumeMount>, container: AnyContainer): void {
  const { mountPropagation: propagation, recursiveReadOnly: recursive } = mount;
  if (propagation !== undefined) {
    checkOneOf(errors, `${list}.mountPropagation`, propagation, ["Bidirectional", "HostToContainer", "None"]);
    if (propagation === "Bidirectional" && !container.securityContext?.privileged) {
      errors.push(
        field.forbidden(`${list}.mountPropagation`, "Bidirectional mount propagation is available only to privileged containers"),
      );
    }
  }
  if (recursive === undefined) return;
  checkOneOf(errors, `${list}.recursiveReadOnly`, recursive, ["Disabled", "Enabled", "IfPossible"]);
  if (recursive !== "Enabled" && recursive !== "IfPossible") return;
  if (!mount.readOnly) errors.push(field.forbidden(`${list}.recursiveReadOnly`, "may only be specified when readOnly is true"));
  if (propagation !== undefined && propagation !== "None") {
    errors.push(field.forbidden(`${list}.recursiveReadOnly`, "may only be specified when mountPropagation is None or not specified"));
  }
}

function validateDevices({ errors, volumes }: ContainerContext, path: string, container: AnyContainer): void {
  const mounts = container.volumeMounts ?? [];
  const names = new Set<string>();
  const paths = new Set<string>();
  for (const [index, { name, devicePath }] of (container.volumeDevices ?? []).entries()) {
    const at = `${path}.volumeDevices[${index}]`;
    const volume = volumes.get(name);
    checkRequired(errors, `${at}.name`, name);
    if (names.has(name)) errors.push(field.invalid(`${at}.name`, name, "must be unique"));
    if (!volume) errors.push(field.notFound(`${at}.name`, name));
    else if (!volume.persistentVolumeClaim && !volume.ephemeral) {
      errors.push(
        field.invalid(`${at}.name`, name, "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode"),
      );
    }
    checkRequired(errors, `${at}.devicePath`, devicePath);
    if (paths.has(devicePath)) errors.push(field.invalid(`${at}.devicePath`, devicePath, "must be unique"));
    if (devicePath?.split("/").includes(".."))
      errors.push(field.invalid(`${at}.devicePath`, devicePath, "can not contain backsteps ('..')"));
    else paths.add(devicePath);
    if (mounts.some((mount) => mount.name === name))
      errors.push(field.invalid(`${at}.name`, name, "must not already exist in volumeMounts"));
    if (mounts.some((mount) => mount.mountPath === devicePath)) {
      errors.push(field.invalid(`${at}.devicePath`, devicePath, "must not already exist as a path in volumeMounts"));
    }
    if (name) names.add(name);
  }
}

function validateResizePolicy({ errors, restartPolicy }: ContainerContext, path: string, container: AnyContainer): void {
  const seen = new Set<string>();
  for (const [index, policy] of (container.resizePolicy ?? []).entries()) {
    if (seen.has(policy.resourceName)) errors.push(field.duplicate(`${path}[${index}]`, policy.resourceName));
    seen.add(policy.resourceName);
    checkRequiredOneOf(errors, path, policy.resourceName, ["cpu", "memory"]);
    checkRequiredOneOf(errors, path, policy.restartPolicy, ["NotRequired", "RestartContainer"]);
    if (restartPolicy === "Never" && policy.restartPolicy !== "NotRequired") {
      errors.push(field.invalid(path, policy.restartPolicy, "must be 'NotRequired' when pod `restartPolicy` is 'Never'"));
    }
  }
}

function validateRestartRules(
  errors: Errors,
  path: string,
  { restartPolicy, restartPolicyRules: rules = [] }: DeepReadonly<Container>,
): void {
  if (restartPolicy === undefined) {
    if (rules.length > 0) errors.push(field.required(`${path}.restartPolicy`, "must specify restartPolicy when restart rules are used"));
  } else checkOneOf(errors, `${path}.restartPolicy`, restartPolicy, RESTART_POLICIES);
  if (rules.length > 20) errors.push(field.tooMany(`${path}.restartPolicyRules`, rules.length, 20));
  for (const [index, { action, exitCodes }] of rules.entries()) {
    const at = `${path}.restartPolicyRules[${index}]`;
    checkOneOf(errors, `${at}.action`, action ?? "", RULE_ACTIONS);
    if (!exitCodes) errors.push(field.required(`${at}.exitCodes`, "must be specified"));
    else {
      checkOneOf(errors, `${at}.exitCodes.operator`, exitCodes.operator ?? "", ["In", "NotIn"]);
      const count = exitCodes.values?.length ?? 0;
      if (count > 255) errors.push(field.tooMany(`${at}.exitCodes.values`, count, 255));
    }
  }
}

function checkHostPorts(errors: Errors, path: string, containers: readonly DeepReadonly<Container>[]): void {
  const seen = new Set<string>();
  for (const [index, container] of containers.entries()) {
    for (const [position, { hostPort, hostIP = "", protocol }] of (container.ports ?? []).entries()) {
      if (!hostPort) continue;
      const key = `${protocol}/${hostIP}/${hostPort}`;
      if (seen.has(key)) errors.push(field.duplicate(`${path}[${index}].ports[${position}].hostPort`, key));
      seen.add(key);
    }
  }
}

/** Hooks and probes of a container that runs for as long as its pod. */
function validateRunning(context: ContainerContext, path: string, container: DeepReadonly<Container>): void {
  const { errors } = context;
  if (container.lifecycle) validateLifecycle(context, `${path}.lifecycle`, container.lifecycle);
  for (const name of ["livenessProbe", "readinessProbe", "startupProbe"] as const) {
    const probe = container[name];
    if (!probe) continue;
    const at = `${path}.${name}`;
    validateProbe(context, at, probe);
    if (name === "readinessProbe") {
      const seconds = probe.terminationGracePeriodSeconds;
      if (seconds !== undefined)
        errors.push(field.invalid(`${at}.terminationGracePeriodSeconds`, seconds, "must not be set for readinessProbes"));
    } else if ((probe.successThreshold ?? 0) !== 1) {
      errors.push(field.invalid(`${at}.successThreshold`, probe.successThreshold ?? 0, "must be 1"));
    }
  }
}

function validateProbe(context: ContainerContext, path: string, probe: DeepReadonly<Probe>): void {
  const { errors } = context;
  validateHandler(context, path, probe);
  for (const name of ["initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"] as const) {
    checkNonNegative(errors, `${path}.${name}`, probe[name]);
  }
  const seconds = probe.terminationGracePeriodSeconds;
  if (seconds !== undefined && seconds <= 0) {
    errors.push(field.invalid(`${path}.terminationGracePeriodSeconds`, seconds, "must be greater than 0"));
  }
}

function validateLifecycle(context: ContainerContext, path: string, { postStart, preStop, stopSignal }: DeepReadonly<Lifecycle>): void {
  const { errors, os } = context;
  if (postStart) validateHandler(context, `${path}.postStart`, postStart);
  if (preStop) validateHandler(context, `${path}.preStop`, preStop);
  if (stopSignal === undefined) return;
  if (os === undefined) errors.push(field.forbidden(`${path}.stopSignal`, "may not be set for containers with empty `spec.os.name`"));
  else if (os === "windows") checkOneOf(errors, `${path}.stopSignal`, stopSignal, SIGNALS_WINDOWS);
  else if (os === "linux" && !SIGNAL_LINUX.test(stopSignal)) errors.push(field.notSupported(`${path}.stopSignal`, stopSignal, []));
}

type Handler = DeepReadonly<LifecycleHandler & Pick<Probe, "grpc">>;

/** Exactly one action, and that it is whole. */
function validateHandler({ errors, gracePeriod }: ContainerContext, path: string, handler: Handler): void {
  let count = 0;
  const one = (name: keyof Handler, check: () => void) => {
    if (handler[name] === undefined || handler[name] === null) return;
    if (count++ > 0) errors.push(field.forbidden(`${path}.${name}`, "may not specify more than 1 handler type"));
    else check();
  };
  one("exec", () => {
    if (!handler.exec?.command?.length) errors.push(field.required(`${path}.exec.command`));
  });
  one("httpGet", () => {
    const get = handler.httpGet;
    checkRequired(errors, `${path}.httpGet.path`, get?.path);
    checkPortNumberOrName(errors, `${path}.httpGet.port`, get?.port);
    checkOneOf(errors, `${path}.httpGet.scheme`, get?.scheme ?? "", ["HTTP", "HTTPS"]);
    for (const { name } of get?.httpHeaders ?? []) checkRule(errors, `${path}.httpGet.httpHeaders`, name, httpHeaderName);
  });
  one("tcpSocket", () => checkPortNumberOrName(errors, `${path}.tcpSocket.port`, handler.tcpSocket?.port));
  one("grpc", () => checkPortNumber(errors, `${path}.grpc.port`, handler.grpc?.port ?? 0));
  one("sleep", () => {
    const seconds = handler.sleep?.seconds ?? 0;
    if (gracePeriod === undefined || (seconds >= 0 && seconds <= gracePeriod)) return;
    const text = `must be non-negative and less than terminationGracePeriodSeconds (${gracePeriod})`;
    errors.push(field.invalid(`${path}.sleep`, seconds, text));
  });
  if (count === 0) errors.push(field.required(path, "must specify a handler type"));
}
