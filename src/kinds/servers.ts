// What the built-in kinds bring to the API server beyond hooks: the explicit list. One call makes one server's parts.

import type { ApiServerOptions } from "#apiserver/api-server.ts";
import type { TokenAuthenticator } from "#apiserver/auth/bearer-token.ts";
import type { TokenSigner } from "#apiserver/auth/service-account-token.ts";
import type { ServerExtension } from "#apiserver/extension.ts";
import { kubeletAgent, workloadAgent, type KubeletCredentials } from "#apiserver/proxy/backend.ts";
import type { Clock } from "#lib/clock.ts";
import { builtinPlugins } from "./admission/plugins.ts";
import { resourceQuotaExtension } from "./admission/resource-quota.ts";
import { systemPriorityClasses } from "./admission/system-priority-classes.ts";
import { createAuthenticationServer } from "./authentication/server.ts";
import { authorizationExtension } from "./authorization/server.ts";
import { nodeProxyExtension } from "./core/node/server.ts";
import { bindingExtension } from "./core/pod/binding/server.ts";
import { podConnectExtension } from "./core/pod/connect/server.ts";
import { evictionExtension } from "./core/pod/eviction/server.ts";
import { podProxyExtension } from "./core/pod/proxy/server.ts";
import { serviceAccountExtension } from "./core/service-account/server.ts";
import { serviceProxyExtension } from "./core/service/proxy/server.ts";
import { serviceExtension, type ServiceOptions } from "./core/service/server.ts";
import { certificateExtension } from "./certificates/certificate-signing-request/server.ts";
import { flowControlExtension } from "./flowcontrol/server.ts";
import { policyExtension } from "./admissionregistration/server.ts";
import { componentStatusExtension } from "./core/component-status/server.ts";
import { secretExtension } from "./core/secret/server.ts";
import { resourceExtension } from "./resource/server.ts";
import { createRbacServer } from "./rbac/server.ts";

export interface KindServersOptions {
  readonly clock: Clock;
  readonly random: () => number;
  /** Signs ServiceAccount tokens. */
  readonly signer: TokenSigner;
  /** Cluster addresses and node ports; default: 10.96.0.0/12 and 30000-32767. */
  readonly service?: ServiceOptions;
  /** Where others reach the key set that tokens are checked with; default: below the issuer, a name only pods know. */
  readonly keysUrl?: string;
  /** For logs, exec and the like, which nodes serve; absent: nodes see a stranger. */
  readonly kubelet?: KubeletCredentials;
  /** Further sorts of bearer tokens. */
  readonly tokens?: readonly TokenAuthenticator[];
}

/** To be spread into the options of createApiServer; good for one server. */
export type KindServers = Required<Pick<ApiServerOptions, "authenticators" | "authorizers" | "admission" | "extensions">>;

export function createKindServers(options: KindServersOptions): KindServers {
  const authentication = createAuthenticationServer(options);
  const rbac = createRbacServer();
  const kubelet = kubeletAgent(options.kubelet);
  const workload = workloadAgent();
  const extensions: readonly ServerExtension[] = [
    rbac.extension,
    authentication.extension,
    authorizationExtension,
    serviceAccountExtension(options.signer),
    systemPriorityClasses,
    certificateExtension,
    flowControlExtension,
    resourceExtension,
    policyExtension,
    secretExtension,
    componentStatusExtension,
    bindingExtension(),
    evictionExtension(),
    podConnectExtension(kubelet),
    podProxyExtension(workload),
    serviceProxyExtension(workload),
    nodeProxyExtension({ kubelet, workload }),
    serviceExtension(options.service ?? { serviceCidrs: ["10.96.0.0/12"] }),
    resourceQuotaExtension, // the last: see there
  ];
  return {
    authenticators: authentication.authenticators,
    authorizers: rbac.authorizers,
    admission: (registry) => builtinPlugins({ ...options, registry }),
    extensions,
  };
}
