// exec and attach, whatever carries their streams.

import type { Readable, Writable } from "node:stream";
import type { Status } from "#meta/errors.ts";
import type { PodAccess } from "./pod-access.ts";
import { Refusal } from "./reply.ts";

export interface StreamChoice {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly tty: boolean;
}

/** A client's end of the streams. */
export interface RemoteStreams {
  readonly stdin?: Readable;
  readonly stdout?: Writable;
  readonly stderr?: Writable;
  readonly resize?: AsyncIterable<{ readonly width: number; readonly height: number }>;
  /** Aborts when the client goes away. */
  readonly signal: AbortSignal;
  /** Delivers what was written, then the outcome, and ends the connection. */
  finish(status: Status): Promise<void>;
}

export interface CommandRequest {
  readonly kind: "exec" | "attach";
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
  readonly command: readonly string[];
  readonly streams: StreamChoice;
}

export function parseStreamQuery(query: URLSearchParams): StreamChoice {
  const isSet = (name: string) => query.get(name) === "1" || query.get(name) === "true";
  const tty = isSet("tty");
  // A terminal has one output.
  const streams = { stdin: isSet("input"), stdout: isSet("output"), stderr: isSet("error") && !tty, tty };
  if (!streams.stdin && !streams.stdout && !streams.stderr) throw new Refusal(400, "you must specify at least 1 of stdin, stdout, stderr");
  return streams;
}

const SUCCESS: Status = { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", code: 200 };

/** The outcome as upstream words it; kubectl reads the exit code from the cause. */
export function exitStatus(code: number): Status {
  if (code === 0) return SUCCESS;
  return {
    ...SUCCESS,
    status: "Failure",
    reason: "NonZeroExitCode",
    message: `command terminated with non-zero exit code: command terminated with exit code ${code}`,
    details: { causes: [{ reason: "ExitCode", message: String(code) }] },
    code: 500,
  };
}

export function failedStatus(message: string): Status {
  return { ...SUCCESS, status: "Failure", reason: "InternalError", message, details: { causes: [{ message }] }, code: 500 };
}

/** Runs the command and reports its outcome to the client. */
export async function runCommand(access: PodAccess, request: CommandRequest, streams: RemoteStreams): Promise<void> {
  const { kind, namespace, pod, container, command } = request;
  const { stdin, stdout, stderr, resize, signal } = streams;
  const io = {
    tty: request.streams.tty,
    signal,
    ...(stdin ? { stdin } : {}),
    ...(stdout ? { stdout } : {}),
    ...(stderr ? { stderr } : {}),
    ...(resize && request.streams.tty ? { resize } : {}),
  };
  let status: Status;
  try {
    if (kind === "exec") status = exitStatus(await access.exec(namespace, pod, container, command, io));
    else {
      await access.attach(namespace, pod, container, io);
      status = SUCCESS;
    }
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    status = failedStatus(
      `Internal error occurred: error ${kind === "exec" ? "executing command in" : "attaching to"} container: ${message}`,
    );
  }
  await streams.finish(status);
}
