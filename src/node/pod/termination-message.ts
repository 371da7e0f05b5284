// What an ended container left as its last words.

import { open, readFile } from "node:fs/promises";
import type { ContainerState } from "../runtime.ts";
import type { ContainerObject } from "./pod-view.ts";

const MAX_BYTES = 4096;
const MAX_LOG_BYTES = 2048;
const MAX_LOG_LINES = 80;

/** The message file's content, or the end of the log if the policy says so and the container failed; "" if there is neither. */
export async function terminationMessage(
  container: ContainerObject,
  state: ContainerState,
  files: { readonly messagePath: string; readonly logPath: string },
): Promise<string> {
  const text = await readStart(files.messagePath);
  if (text !== "" || container.terminationMessagePolicy !== "FallbackToLogsOnError" || state.exitCode === 0) return text;
  const log = await readFile(files.logPath, "utf8").catch(() => "");
  const lines = log
    .split("\n")
    .filter((line) => line !== "")
    .slice(-MAX_LOG_LINES)
    // `time stream tag text`
    .map((line) => line.split(" ").slice(3).join(" ") + (line.split(" ", 3)[2] === "P" ? "" : "\n"));
  return Buffer.from(lines.join("")).subarray(-MAX_LOG_BYTES).toString("utf8");
}

async function readStart(path: string): Promise<string> {
  const file = await open(path, "r").catch(() => undefined);
  if (file === undefined) return "";
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(MAX_BYTES), 0, MAX_BYTES, 0);
    return buffer.toString("utf8", 0, bytesRead);
  } finally {
    await file.close();
  }
}
