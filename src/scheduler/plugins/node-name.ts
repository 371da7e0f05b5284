import type { Plugin } from "../framework.ts";

/** A pod that names its node goes there or nowhere. */
export const nodeName: Plugin = {
  name: "NodeName",
  weight: 0,
  prepare: (pod) => {
    const wanted = pod.spec?.nodeName;
    if (!wanted) return undefined;
    return {
      filter: ({ name }) =>
        name === wanted ? undefined : { reasons: ["node(s) didn't match the requested node name"], unresolvable: true },
    };
  },
};
