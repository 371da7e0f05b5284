import type { AnyPod, Plugin, Refusal } from "../framework.ts";
import { tolerates } from "../tolerations.ts";

const TAINT = { key: "node.kubernetes.io/unschedulable", effect: "NoSchedule" };
const CORDONED: Refusal = { reasons: ["node(s) were unschedulable"], unresolvable: true };

const toleratesCordon = (pod: AnyPod) => pod.spec?.tolerations?.some((toleration) => tolerates(toleration, TAINT)) ?? false;

/** Keeps pods off cordoned nodes, unless they tolerate it. */
export const nodeUnschedulable: Plugin = {
  name: "NodeUnschedulable",
  filter: ({ pod }, { anyCordoned }) =>
    !anyCordoned || toleratesCordon(pod) ? undefined : { check: ({ node }) => (node.spec?.unschedulable === true ? CORDONED : undefined) },
  events: [
    {
      resource: "Node",
      actions: ["add", "taints"],
      helps: (_, before, after) => after?.spec?.unschedulable !== true && (before === undefined || before.spec?.unschedulable === true),
    },
    {
      resource: "Pod",
      actions: ["tolerations"],
      helps: (pod, _, after) => after !== undefined && after.metadata?.uid === pod.uid && toleratesCordon(after),
    },
  ],
};
