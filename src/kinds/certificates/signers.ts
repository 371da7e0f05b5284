// The built-in signers: what each may sign. Pure; the words are upstream's.

import type { RequestOutline, SubjectName } from "./request.ts";

const NODES = "system:nodes";
const NODE_PREFIX = "system:node:";

export const KUBELET_CLIENT = "kubernetes.io/kube-apiserver-client-kubelet";
const KUBELET_SERVING = "kubernetes.io/kubelet-serving";
const API_CLIENT = "kubernetes.io/kube-apiserver-client";
const LEGACY = "kubernetes.io/legacy-unknown";

type Check = (request: RequestOutline, usages: readonly string[]) => string | undefined;

const SIGNERS: Readonly<Record<string, Check | undefined>> = {
  [KUBELET_CLIENT]: wrongKubeletClient,
  [KUBELET_SERVING]: wrongKubeletServing,
  [API_CLIENT]: (_request, usages) => wrongClientUsages(usages),
  [LEGACY]: () => undefined,
};

export const isBuiltinSigner = (signer: string): boolean => Object.hasOwn(SIGNERS, signer);

/** Why a signer refuses to sign; undefined: it signs. */
export function wrongForSigner(signer: string, request: RequestOutline, usages: readonly string[]): string | undefined {
  return SIGNERS[signer]?.(request, usages);
}

const NAMES: Readonly<Record<SubjectName["type"], string>> = { dns: "DNS", email: "Email", ip: "IP", uri: "URI" };

function forbiddenName({ names }: RequestOutline, forbidden: readonly SubjectName["type"][]): string | undefined {
  const found = forbidden.find((type) => names.some((name) => name.type === type));
  return found === undefined ? undefined : `${NAMES[found]} subjectAltNames are not allowed`;
}

function isOfNodes({ organizations }: RequestOutline): boolean {
  return organizations.length === 1 && organizations[0] === NODES;
}

/** RSA keys encipher, others need not. */
function wrongUsages(usages: readonly string[], purpose: string): string | undefined {
  const given = new Set(usages);
  const required = new Set([purpose, "digital signature", "key encipherment"]);
  const missing = [...required.symmetricDifference(given)];
  if (missing.length === 0 || (missing.length === 1 && missing[0] === "key encipherment")) return undefined;
  return `usages did not match [${[...required].toSorted().join(" ")}]`;
}

function wrongNode({ commonName }: RequestOutline): string | undefined {
  return commonName.startsWith(NODE_PREFIX) ? undefined : "subject common name does not begin with system:node:";
}

export function wrongKubeletClient(request: RequestOutline, usages: readonly string[]): string | undefined {
  if (!isOfNodes(request)) return "subject organization is not system:nodes";
  return forbiddenName(request, ["dns", "email", "ip", "uri"]) ?? wrongNode(request) ?? wrongUsages(usages, "client auth");
}

function wrongKubeletServing(request: RequestOutline, usages: readonly string[]): string | undefined {
  if (!isOfNodes(request)) return "subject organization is not system:nodes";
  if (!request.names.some(({ type }) => type === "dns" || type === "ip")) return "DNS or IP subjectAltName is required";
  return forbiddenName(request, ["email", "uri"]) ?? wrongUsages(usages, "server auth") ?? wrongNode(request);
}

function wrongClientUsages(usages: readonly string[]): string | undefined {
  const stray = usages.find((usage) => !["digital signature", "key encipherment", "client auth"].includes(usage));
  if (stray !== undefined) return `invalid usage for client certificate: ${stray}`;
  return usages.includes("client auth") ? undefined : "missing required usage for client certificate: client auth";
}
