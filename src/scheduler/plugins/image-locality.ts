import { MAX_SCORE, type NodeInfo, type Plugin, type PodInfo } from "../framework.ts";

const MEBIBYTE = 1024 * 1024;
const MIN_BYTES = 23 * MEBIBYTE;
const MAX_BYTES_PER_CONTAINER = 1000 * MEBIBYTE;

/** Prefers nodes that have the pod's images; an image that few nodes have counts less, or its nodes would be overrun. */
export const imageLocality: Plugin = {
  name: "ImageLocality",
  score: (pod, snapshot) => {
    const names = imagesOf(pod).filter((name) => snapshot.nodesWithImage(name) > 0);
    if (names.length === 0) return undefined;
    const containers = (pod.pod.spec?.containers.length ?? 0) + (pod.pod.spec?.initContainers?.length ?? 0);
    const most = MAX_BYTES_PER_CONTAINER * containers;
    const nodeCount = snapshot.nodes.length;
    return {
      score: (info) => {
        let sum = 0;
        for (const name of names) sum += Math.floor((sizeOn(info, name) * snapshot.nodesWithImage(name)) / nodeCount);
        const bytes = Math.min(Math.max(sum, MIN_BYTES), most);
        return Math.floor((MAX_SCORE * (bytes - MIN_BYTES)) / (most - MIN_BYTES));
      },
    };
  },
};

function imagesOf({ pod }: PodInfo): string[] {
  const { containers = [], initContainers = [], volumes = [] } = pod.spec ?? {};
  const named = [...initContainers, ...containers].map(({ image }) => image).concat(volumes.map(({ image }) => image?.reference));
  return named.flatMap((name) => (name ? [withTag(name)] : []));
}

/** A name without a tag means `latest`. */
function withTag(name: string): string {
  return name.lastIndexOf(":") <= name.lastIndexOf("/") ? `${name}:latest` : name;
}

function sizeOn({ node }: NodeInfo, name: string): number {
  return node.status?.images?.find(({ names }) => names?.includes(name))?.sizeBytes ?? 0;
}
