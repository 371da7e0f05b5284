// What is said of a name that its pods' names and hostnames are made of.

import { dns1123Label } from "#meta/names.ts";

export function nameWarnings(name: string | undefined, used = "Pod names and hostnames"): string[] {
  const wrong = dns1123Label(name ?? "");
  if (wrong.length === 0) return [];
  return [
    `metadata.name: this is used in ${used}, which can result in surprising behavior; a DNS label is recommended: [${wrong.join(" ")}]`,
  ];
}
