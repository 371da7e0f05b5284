// What the API server is built from: kinds, access control, admission, and what kinds add to the server.

import type { ApiServerOptions } from "#apiserver/api-server.ts";
import type { Certificates } from "#apiserver/auth/certificates.ts";
import { createTokenSigner } from "#apiserver/auth/service-account-token.ts";
import { builtinKinds } from "#kinds/builtin-kinds.ts";
import { metricsKinds } from "#kinds/metrics/kinds.ts";
import { metricsExtension } from "#kinds/metrics/server.ts";
import type { MetricsSource } from "#kinds/metrics/source.ts";
import { createKindServers } from "#kinds/servers.ts";
import { builtinStructure } from "#kinds/structure.ts";
import type { Clock } from "#lib/clock.ts";
import type { AddressPlan } from "./address-plan.ts";
import { openApiMaker } from "./openapi-maker.ts";
import { GIT_VERSION } from "./version.ts";

/** Made by the build, where this file lies in dist/chunks; a run from source has the last build's, or goes without. */
const descriptionsFile = new URL(
  import.meta.url.endsWith(".ts") ? "../../dist/descriptions.json.gz" : "../descriptions.json.gz",
  import.meta.url,
);

export function serverParts(options: {
  certificates: Certificates;
  plan: AddressPlan;
  clock: Clock;
  random: () => number;
  /** Absent: metrics.k8s.io is not served. */
  metrics?: MetricsSource;
}): Omit<ApiServerOptions, "store" | "clock" | "log" | "random"> {
  const { certificates, clock, random } = options;
  const structure = builtinStructure();
  const servers = createKindServers({
    clock,
    random,
    signer: createTokenSigner({ key: certificates.serviceAccountKey }),
    kubelet: {
      clientCertificate: certificates.kubeletClient.certificate,
      clientKey: certificates.kubeletClient.key,
      ca: certificates.caCertificate,
    },
    service: { serviceCidrs: [options.plan.serviceCidr] },
  });
  const measured = options.metrics ? metricsKinds(structure.schema("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta")) : [];
  return {
    kinds: [...builtinKinds(structure), ...measured],
    openApi: { types: structure, makeElsewhere: openApiMaker(descriptionsFile) },
    version: { major: "1", minor: "36", gitVersion: GIT_VERSION },
    ...servers,
    extensions: [...servers.extensions, ...(options.metrics ? [metricsExtension(options.metrics)] : [])],
  };
}
