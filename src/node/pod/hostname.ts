// A pod's host name, and the names its programs know without asking anybody. Pure.

import type { PodObject } from "./pod-view.ts";

const MAX_LENGTH = 63;

/** spec.hostname, or the pod's name cut to what a host name may be. */
export function podHostname(pod: PodObject): string {
  const name = pod.spec?.hostnameOverride || pod.spec?.hostname || pod.metadata?.name || "";
  return name.length <= MAX_LENGTH ? name : name.slice(0, MAX_LENGTH).replace(/[-.]+$/, "");
}

const FIXED_HOSTS = `# Kubernetes-managed hosts file.
127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::0\tip6-localnet
fe00::0\tip6-mcastprefix
fe00::1\tip6-allnodes
fe00::2\tip6-allrouters
`;

/** The pod's /etc/hosts, as the kubelet writes it; `clusterDomain` names pods that have a subdomain in full. */
export function hostsText(pod: PodObject, ips: readonly string[], clusterDomain = "cluster.local"): string {
  const hostname = podHostname(pod);
  const subdomain = pod.spec?.hostnameOverride ? undefined : pod.spec?.subdomain;
  const names = subdomain ? `${hostname}.${subdomain}.${pod.metadata?.namespace ?? ""}.svc.${clusterDomain}\t${hostname}` : hostname;
  const own = ips.map((ip) => `${ip}\t${names}\n`).join("");
  const aliases = (pod.spec?.hostAliases ?? []).map(({ ip, hostnames }) => `${[ip, ...(hostnames ?? [])].join("\t")}\n`).join("");
  return FIXED_HOSTS + own + (aliases === "" ? "" : `\n# Entries added by HostAliases.\n${aliases}`);
}
