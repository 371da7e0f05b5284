export { matchesNodeSelector, matchesTerm, podAllowsNode } from "#kinds/core/node/placement.ts";
