import type { Status } from "#meta/errors.ts";
import type { KubeObject } from "#meta/object.ts";

/** The answer of calls that only do something. */
export function successStatus(): KubeObject & Pick<Status, "status"> {
  return { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success" };
}

/** A failure that is answered as an object, with the code in it. */
export function failureStatus(code: number, message: string): KubeObject & Pick<Status, "status" | "message" | "code"> {
  return { kind: "Status", apiVersion: "v1", metadata: {}, status: "Failure", message, code };
}
