// What the API server is built from: kinds, access control, admission, and what kinds add to the server.

import type { ApiServerOptions } from "#apiserver/api-server.ts";
import type { Certificates } from "#apiserver/auth/certificates.ts";
import { createTokenSigner } from "#apiserver/auth/service-account-token.ts";
import { builtinKinds } from "#kinds/builtin-kinds.ts";
import { createKindServers } from "#kinds/servers.ts";
import type { Clock } from "#lib/clock.ts";
import type { AddressPlan } from "./address-plan.ts";
import { GIT_VERSION } from "./version.ts";

export function serverParts(options: {
  certificates: Certificates;
  plan: AddressPlan;
  clock: Clock;
  random: () => number;
}): Omit<ApiServerOptions, "store" | "clock" | "log" | "random"> {
  const { certificates, clock, random } = options;
  return {
    kinds: builtinKinds(),
    version: { major: "1", minor: "36", gitVersion: GIT_VERSION },
    ...createKindServers({
      clock,
      random,
      signer: createTokenSigner({ key: certificates.serviceAccountKey }),
      service: { serviceCidrs: [options.plan.serviceCidr] },
    }),
  };
}
