// The old name of meta/time.ts's functions; gone once nobody imports it.

export { formatMicroTime as microTimestamp, formatTime as timestamp } from "#meta/time.ts";
