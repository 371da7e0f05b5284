// Names of things behind the API server's proxy: `name`, `name:port`, `scheme:name:port`.

import { badRequest } from "#meta/errors.ts";

export interface ProxyName {
  readonly scheme: "http" | "https";
  readonly name: string;
  /** "" if none was given. */
  readonly port: string;
}

/** Undefined: no such form. */
export function parseProxyName(id: string): ProxyName | undefined {
  const parts = id.split(":");
  if (parts.length > 3) return undefined;
  const [scheme = "", name = "", port = ""] = parts.length === 3 ? parts : ["", ...parts];
  if (name === "" || (scheme !== "" && scheme !== "http" && scheme !== "https")) return undefined;
  return { scheme: scheme === "https" ? "https" : "http", name, port };
}

/**
 * The server must not be made to call itself or its host's private services. Pods of the process runtime have loopback addresses of
 * their own, so that unlike upstream not all of 127.0.0.0/8 is refused.
 */
export function checkProxyAddress(ip: string | undefined, hostIps: readonly (string | undefined)[] = []): string {
  const isRefused =
    ip === undefined ||
    ip === "" ||
    ip === "127.0.0.1" ||
    ip === "::1" ||
    ip === "0.0.0.0" ||
    ip === "::" ||
    ip.startsWith("169.254.") ||
    /^fe[89ab]/i.test(ip) ||
    /^(22[4-9]|23\d)\./.test(ip) ||
    /^ff/i.test(ip) ||
    (ip.startsWith("127.") && hostIps.includes(ip));
  if (isRefused) throw badRequest("address not allowed");
  return ip;
}

export function portNumber(port: string): number | undefined {
  const number = Number(port);
  return /^\d+$/.test(port) && number >= 1 && number <= 65_535 ? number : undefined;
}
