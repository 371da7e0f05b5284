import type { Plugin } from "../framework.ts";

/** The more important pod goes first; of equals the queue takes the one that waits longest. */
export const prioritySort: Plugin = {
  name: "PrioritySort",
  queueSort: (a, b) => b.priority - a.priority,
};
