export { tolerates, untolerated } from "#kinds/core/node/placement.ts";
