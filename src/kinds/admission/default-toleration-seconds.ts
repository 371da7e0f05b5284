// DefaultTolerationSeconds: pods stay five minutes on a node that is not ready or unreachable, unless they say otherwise.

import type { AdmissionPlugin } from "#apiserver/admission.ts";
import type { Pod } from "#kinds/api/core-v1.gen.ts";
import { isPodWrite } from "./pods.ts";

const SECONDS = 300;
const TAINTS = ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"];

export function defaultTolerationSeconds(): AdmissionPlugin {
  return {
    name: "DefaultTolerationSeconds",
    handles: isPodWrite("CREATE", "UPDATE"),
    mutate({ object }) {
      const spec = (object as Pod).spec; // handles() lets only pods through
      if (!spec) return;
      for (const key of TAINTS) {
        const tolerated = spec.tolerations?.some((one) => (!one.key || one.key === key) && (!one.effect || one.effect === "NoExecute"));
        if (!tolerated) (spec.tolerations ??= []).push({ key, operator: "Exists", effect: "NoExecute", tolerationSeconds: SECONDS });
      }
    },
  };
}
