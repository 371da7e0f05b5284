// What runs containers. The agent above it is the same for every runtime; it decides when and why, a runtime does how.

import type { Readable, Writable } from "node:stream";

/** Identifies a pod's sandbox: its network identity and folder. */
export interface SandboxSpec {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly hostname: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly hostNetwork: boolean;
  /** Ports of the node that lead to the pod; none for pods on the host network. */
  readonly ports?: readonly PortMapping[];
}

export interface PortMapping {
  readonly hostPort: number;
  readonly containerPort: number;
  readonly protocol: "TCP" | "UDP" | "SCTP";
  /** Absent: the node's own address. */
  readonly hostIp?: string;
}

export interface Sandbox {
  readonly id: string;
  /** The pod's address(es); first one is status.podIP. */
  readonly ips: readonly string[];
}

export interface Mount {
  /** Folder or file on this host, prepared by the agent. */
  readonly hostPath: string;
  readonly containerPath: string;
  readonly readOnly: boolean;
}

export interface ContainerSpec {
  readonly podUid: string;
  readonly name: string;
  readonly image: string;
  /** Entrypoint override, variables expanded; absent: the image's own (process runtime: it must be given). */
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly env: readonly { readonly name: string; readonly value: string }[];
  readonly workingDir?: string;
  readonly mounts: readonly Mount[];
  readonly stdin: boolean;
  readonly stdinOnce: boolean;
  readonly tty: boolean;
  readonly attempt: number;
  /** File that the container's output goes to, in CRI's log format (`time stream F|P text`). */
  readonly logPath: string;
  readonly annotations: Readonly<Record<string, string>>;
  readonly resources?: { readonly cpuMillis?: number; readonly memoryBytes?: number };
}

export interface ContainerState {
  readonly id: string;
  readonly name: string;
  readonly podUid: string;
  readonly attempt: number;
  readonly phase: "created" | "running" | "exited";
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  readonly startedAt?: number;
  readonly finishedAt?: number;
  readonly exitCode?: number;
  /** Signal that ended it, if one did. */
  readonly signal?: number;
  /** `Completed`, `Error`, `OOMKilled`, `StartError`, ... */
  readonly reason?: string;
  readonly message?: string;
}

export interface ExecIo {
  readonly stdin?: Readable;
  readonly stdout?: Writable;
  readonly stderr?: Writable;
  readonly tty: boolean;
  /** Terminal sizes as they change. */
  readonly resize?: AsyncIterable<{ readonly width: number; readonly height: number }>;
  readonly signal: AbortSignal;
}

export interface ContainerUsage {
  /** Time on CPUs since the container started; never less than it was told before. */
  readonly cpuNanoSeconds: number;
  /** How fast that grows now. */
  readonly cpuNanoCores: number;
  /** Working set. */
  readonly memoryBytes: number;
}

/** Errors thrown carry `reason`, the word for the container's waiting state (`ErrImagePull`, `CreateContainerError`, `RunContainerError`, ...). */
export class RuntimeError extends Error {
  override readonly name = "RuntimeError";
  readonly reason: string;
  constructor(reason: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

/** A container runtime on one node. One contract suite (runtime-contract.ts) holds for every implementation. */
export interface Runtime extends AsyncDisposable {
  /** `process://`, `simulated://`, `containerd://`: the prefix of container ids in status. */
  readonly name: string;
  readonly version: string;
  /** Whether the pod's addresses can be reached from this host: else HTTP and TCP probes and port-forward ask the runtime. */
  readonly reachable: boolean;
  /** Containers are no real programs: the agent prepares no volumes, environment or log folders for them. Default false. */
  readonly virtual?: boolean;
  createSandbox(spec: SandboxSpec): Promise<Sandbox>;
  /** Frees what other pods can use, addresses and host ports; containers that ended, and their output, stay. Idempotent. */
  stopSandbox(id: string): Promise<void>;
  /** Frees the sandbox's addresses and folder; its containers must be gone. Idempotent. */
  removeSandbox(id: string): Promise<void>;
  /** Sandboxes that exist, for picking up after a restart of the agent. */
  listSandboxes(): Promise<readonly (Sandbox & { readonly podUid: string })[]>;
  /** Makes sure the image can be used; throws RuntimeError. Resolves to the image id for status. */
  pullImage(image: string): Promise<string>;
  /** Creates and starts. Resolves to the container's id once it runs. Throws RuntimeError. */
  startContainer(sandboxId: string, spec: ContainerSpec): Promise<string>;
  /** Sends SIGTERM (or the given signal), then SIGKILL after graceMs; resolves when it is gone. Idempotent; a shorter later call wins. */
  stopContainer(id: string, graceMs: number, signal?: string): Promise<void>;
  removeContainer(id: string): Promise<void>;
  listContainers(podUid?: string): Promise<readonly ContainerState[]>;
  /** Told of each change of a container's phase. */
  onChange(listener: (podUid: string) => void): Disposable;
  /** Runs a command beside the container's process. Resolves to the exit code. */
  exec(id: string, command: readonly string[], io: ExecIo): Promise<number>;
  /** Connects to the container's main process: its stdin, and its output from now on. Resolves when it ends or the client goes. */
  attach(id: string, io: ExecIo): Promise<void>;
  /** Opens a connection to a port inside the pod. */
  connect(sandboxId: string, port: number): Promise<import("node:stream").Duplex>;
  /** For runtimes without real programs: answers probes themselves. Absent: the agent probes. */
  probe?(
    id: string,
    kind: "startup" | "readiness" | "liveness",
    probe: unknown,
    // `until`: the answer stays the same before that time (ms since the epoch; Infinity: until the container ends).
  ): Promise<{ readonly ok: boolean; readonly message: string; readonly until?: number }>;
  /** Usage of a running container. `annotations` are its pod's at present, for runtimes that make usage up from them. */
  stats(id: string, annotations?: Readonly<Record<string, string>>): Promise<ContainerUsage | undefined>;
}
