// Which versions this is. The package's own comes from package.json, by way of the bundler's JSON import.

import manifest from "../../package.json" with { type: "json" };

/** Kobune's own version. */
export const VERSION: string = manifest.version;

/** The level of the API that is served. */
export const KUBERNETES_VERSION = "v1.36.1";

/** What /version and nodes report. */
export const GIT_VERSION = `${KUBERNETES_VERSION}+kobune.${manifest.version}`;
