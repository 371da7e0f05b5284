// Queries of log, exec, attach and portforward, and the kubelet's own names for them.

import { badRequest, field, invalid, type FieldError } from "#meta/errors.ts";

const INTEGER = /^[+-]?\d+$/;

function isSet(query: URLSearchParams, name: string): boolean {
  const value = query.get(name);
  return value !== null && value !== "false" && value !== "0";
}

function integer(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null || text === "") return undefined;
  if (!INTEGER.test(text)) throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  return Number(text);
}

/** The kubelet's query for a client's; throws what upstream's validation of PodLogOptions says. */
export function logQuery(query: URLSearchParams, podName: string): URLSearchParams {
  const tailLines = integer(query, "tailLines");
  const limitBytes = integer(query, "limitBytes");
  const sinceSeconds = integer(query, "sinceSeconds");
  const sinceTime = query.get("sinceTime") || undefined;
  const stream = query.get("stream") || "All";
  const errors: FieldError[] = [];
  if (tailLines !== undefined && tailLines < 0) errors.push(field.invalid("tailLines", tailLines, "must be greater than or equal to 0"));
  if (limitBytes !== undefined && limitBytes < 1) errors.push(field.invalid("limitBytes", limitBytes, "must be greater than 0"));
  if (sinceSeconds !== undefined && sinceTime !== undefined)
    errors.push(field.forbidden("", "at most one of `sinceTime` or `sinceSeconds` may be specified"));
  else if (sinceSeconds !== undefined && sinceSeconds < 1)
    errors.push(field.invalid("sinceSeconds", sinceSeconds, "must be greater than 0"));
  if (!["All", "Stdout", "Stderr"].includes(stream)) errors.push(field.notSupported("stream", stream, ["All", "Stderr", "Stdout"]));
  else if (stream !== "All" && tailLines !== undefined)
    errors.push(field.forbidden("", "`tailLines` and specific `stream` are mutually exclusive for now"));
  if (errors.length > 0) throw invalid({ group: "", kind: "PodLogOptions" }, podName, errors);
  if (sinceTime !== undefined && Number.isNaN(Date.parse(sinceTime)))
    throw badRequest(
      `parsing time ${JSON.stringify(sinceTime)} as "2006-01-02T15:04:05Z07:00": cannot parse ${JSON.stringify(sinceTime)} as "2006"`,
    );
  const params = new URLSearchParams();
  for (const name of ["follow", "previous", "timestamps"]) if (isSet(query, name)) params.set(name, "true");
  if (sinceSeconds !== undefined) params.set("sinceSeconds", String(sinceSeconds));
  if (sinceTime !== undefined) params.set("sinceTime", sinceTime);
  if (tailLines !== undefined) params.set("tailLines", String(tailLines));
  if (limitBytes !== undefined) params.set("limitBytes", String(limitBytes));
  params.set("stream", stream);
  return params;
}

/** The streams a client asks for, and the command, under the kubelet's names. */
export function streamQuery(query: URLSearchParams, subresource: string): URLSearchParams {
  const params = new URLSearchParams();
  for (const [ours, theirs] of [
    ["stdin", "input"],
    ["stdout", "output"],
    ["stderr", "error"],
    ["tty", "tty"],
  ] as const)
    if (isSet(query, ours)) params.set(theirs, "1");
  if (subresource === "exec") for (const part of query.getAll("command")) params.append("command", part);
  return params;
}

/** What admission sees of a connection. */
export function connectOptions(subresource: string, query: URLSearchParams): Record<string, unknown> {
  const apiVersion = "v1";
  if (subresource === "portforward") {
    const ports = query.getAll("ports").flatMap((list) => list.split(",").map(Number));
    return { kind: "PodPortForwardOptions", apiVersion, ...(ports.length > 0 ? { ports } : {}) };
  }
  const kind = subresource === "exec" ? "PodExecOptions" : "PodAttachOptions";
  const streams = ["stdin", "stdout", "stderr", "tty"].filter((name) => isSet(query, name)).map((name) => [name, true]);
  const container = query.get("container");
  return {
    kind,
    apiVersion,
    ...Object.fromEntries(streams),
    ...(container ? { container } : {}),
    ...(subresource === "exec" ? { command: query.getAll("command") } : {}),
  };
}
