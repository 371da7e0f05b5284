// Limits that clients know.

/** Largest request body, as upstream's: 3 MiB. */
export const MAX_BODY_BYTES: number = 3 * 1024 * 1024;
