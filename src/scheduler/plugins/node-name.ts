import type { Plugin, Refusal } from "../framework.ts";

const OTHER_NODE: Refusal = { reasons: ["node(s) didn't match the requested node name"], unresolvable: true };

/** A pod that names its node goes there or nowhere. */
export const nodeName: Plugin = {
  name: "NodeName",
  filter: ({ pod }) => {
    const wanted = pod.spec?.nodeName;
    return wanted ? { check: ({ name }) => (name === wanted ? undefined : OTHER_NODE) } : undefined;
  },
  events: [{ resource: "Node", actions: ["add"] }],
};
