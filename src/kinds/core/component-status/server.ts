// The parts of the control plane as old clients ask for them. Whoever can ask has a server, which runs in one process with
// the others and with the store, so that there is nothing more to find out.

import type { ServerExtension } from "#apiserver/extension.ts";
import { ComponentStatus } from "#kinds/api/core-v1.gen.ts";
import { isAlreadyExists } from "#meta/errors.ts";
import { makeKey } from "#meta/object.ts";

const COMPONENTS = ["controller-manager", "etcd-0", "scheduler"];

export const componentStatusExtension: ServerExtension = {
  name: "component-status",
  start: ({ registry }) =>
    Promise.resolve({
      async afterStart() {
        for (const name of COMPONENTS) {
          if (await registry.get(ComponentStatus, makeKey("", name))) continue;
          const conditions = [{ type: "Healthy", status: "True", message: "ok" }];
          await registry.create(ComponentStatus, { metadata: { name }, conditions }).catch((error: unknown) => {
            if (!isAlreadyExists(error)) throw error;
          });
        }
      },
    }),
};
