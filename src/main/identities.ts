// Who the parts of a cluster are to the API server.

/** Controllers that act, as upstream, with an account that is not named after them. */
const ACCOUNTS: Readonly<Record<string, string>> = {
  "taint-eviction-controller": "node-controller",
  "certificatesigningrequest-approving-controller": "certificate-controller",
  "certificatesigningrequest-signing-controller": "certificate-controller",
  "certificatesigningrequest-cleaner-controller": "certificate-controller",
};

/** Upstream runs each controller as a ServiceAccount of kube-system, bound to system:controller:NAME. */
export function controllerIdentity(name: string): { name: string; groups: string[] } {
  if (name === "kubernetes-service") return { name: "system:apiserver", groups: ["system:masters"] };
  // Who makes accounts' tokens has no account that would need one.
  if (name === "tokens-controller") return { name: "system:kube-controller-manager", groups: [] };
  const account = ACCOUNTS[name] ?? name;
  return { name: `system:serviceaccount:kube-system:${account}`, groups: ["system:serviceaccounts", "system:serviceaccounts:kube-system"] };
}
