// pods/log, pods/exec, pods/attach and pods/portforward: found here, done by the pod's node.

import type { ExtensionCall, ExtensionHandler, ExtensionResult, ServerExtension } from "#apiserver/extension.ts";
import { bodyOf, dialError, exchangeWith, type BackendAgent, type BackendTarget } from "#apiserver/proxy/backend.ts";
import { responseHeaders } from "#apiserver/proxy/forwarded-headers.ts";
import { isUpgrade, tunnel } from "#apiserver/proxy/tunnel.ts";
import type { Registry } from "#apiserver/registry.ts";
import { Node, Pod } from "#kinds/api/core-v1.gen.ts";
import { kubeletAddress } from "#kinds/core/node/kubelet-address.ts";
import { ApiError, badRequest, internalError, methodNotAllowed, notFound } from "#meta/errors.ts";
import { makeKey, type KubeObject } from "#meta/object.ts";
import { chooseContainer } from "./container-choice.ts";
import { connectOptions, logQuery, streamQuery } from "./options.ts";

const PODS = { group: "", plural: "pods" };
/** Longest refusal of a node that is passed on. */
const MAX_REFUSAL_BYTES = 50_000;

async function podOf(registry: Registry, { info }: ExtensionCall): Promise<Pod> {
  const pod = await registry.get(Pod, makeKey(info.namespace, info.name));
  if (!pod) throw notFound(PODS, info.name);
  return pod;
}

/** The API of the node that a pod is on. */
async function kubeletOf(registry: Registry, nodeName: string, agent: BackendAgent): Promise<Omit<BackendTarget, "path">> {
  const node = await registry.get(Node, makeKey("", nodeName));
  if (!node) throw notFound({ group: "", plural: "nodes" }, nodeName);
  const address = kubeletAddress(node);
  if (!address) throw internalError(new Error("no preferred addresses found; known addresses: []"));
  return { scheme: "https", ...address, agent };
}

const pathOf = (...parts: string[]) => parts.map((part) => `/${encodeURIComponent(part)}`).join("");

async function readLog(registry: Registry, agent: BackendAgent, call: ExtensionCall): Promise<ExtensionResult> {
  const { request, info } = call;
  if (request.method !== "GET") throw methodNotAllowed({ group: "", plural: "pods/log" }, info.verb);
  const query = logQuery(request.query, info.name);
  const pod = await podOf(registry, call);
  const container = chooseContainer(pod, request.query.get("container") ?? "");
  const nodeName = pod.spec?.nodeName ?? "";
  // No output yet, and nobody to ask.
  if (nodeName === "") return { response: { status: 204, headers: {}, body: undefined } };
  const kubelet = await kubeletOf(registry, nodeName, agent);
  const target = { ...kubelet, path: `${pathOf("containerLogs", info.namespace, info.name, container)}?${query}` };
  const answer = await exchangeWith(target, { method: "GET", headers: {}, signal: request.signal }).catch((error: unknown) => {
    throw internalError(new Error(`Get "https://${target.host}:${target.port}${target.path}": ${dialError(target, error)}`));
  });
  const { statusCode: status = 502 } = answer;
  if (status !== 200) throw logRefusal(status, await textOf(answer), info.name);
  const headers = responseHeaders(answer.headers);
  delete headers["content-length"];
  return { response: { status: 200, headers: { ...headers, "content-type": "text/plain" }, body: bodyOf(answer, request.signal) } };
}

async function textOf(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    parts.push(chunk);
    if ((size += chunk.length) > MAX_REFUSAL_BYTES) break;
  }
  return Buffer.concat(parts).toString("utf8").slice(0, MAX_REFUSAL_BYTES);
}

/** A node's refusal as the client gets it. */
function logRefusal(status: number, text: string, name: string): ApiError {
  if (status === 500) return internalError(new Error(text));
  if (status === 400) return badRequest(text);
  const details = { name, kind: "pods/log", causes: [{ reason: "UnexpectedServerResponse", message: text }] };
  if (status === 404) return new ApiError(404, "NotFound", `the server could not find the requested resource ( pods/log ${name})`, details);
  return new ApiError(
    status,
    "Unknown",
    `the server responded with the status code ${status} but did not return more information ( pods/log ${name})`,
    details,
  );
}

async function connect(registry: Registry, agent: BackendAgent, subresource: string, call: ExtensionCall): Promise<ExtensionResult> {
  const { request, info } = call;
  if (request.method !== "GET" && request.method !== "POST")
    throw methodNotAllowed({ group: "", plural: `pods/${subresource}` }, info.verb);
  const pod = await podOf(registry, call);
  await call.admit("CONNECT", connectOptions(subresource, request.query) as KubeObject); // options are objects to admission
  const isForward = subresource === "portforward";
  const container = isForward ? "" : chooseContainer(pod, request.query.get("container") ?? "");
  const nodeName = pod.spec?.nodeName ?? "";
  if (nodeName === "") throw badRequest(`pod ${info.name} does not have a host assigned`);
  if (!isUpgrade(request)) throw badRequest("Upgrade request required");
  const kubelet = await kubeletOf(registry, nodeName, agent);
  const path = isForward
    ? pathOf("portForward", info.namespace, info.name)
    : `${pathOf(subresource, info.namespace, info.name, container)}?${streamQuery(request.query, subresource)}`;
  return { response: await tunnel(request, { ...kubelet, path }) };
}

export function podConnectExtension(kubelet: BackendAgent): ServerExtension {
  return {
    name: "pod-connect",
    async start({ registry }) {
      const connection = (subresource: string): ExtensionHandler => ({
        resource: Pod,
        subresource,
        handle: (call) => connect(registry, kubelet, subresource, call),
      });
      const log: ExtensionHandler = { resource: Pod, subresource: "log", handle: (call) => readLog(registry, kubelet, call) };
      return { handlers: [log, connection("exec"), connection("attach"), connection("portforward")] };
    },
  };
}
