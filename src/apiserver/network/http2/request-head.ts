// What a block of headers says of a request, by RFC 9113's rules of what is malformed.

import type { HeaderField } from "./hpack-table.ts";

export interface RequestHead {
  readonly method: string;
  /** With its query. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** The declared length of the body. */
  readonly length: number | undefined;
}

const NAME = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;
const BAD_VALUE = /[\0\r\n]/;
/** They speak of a connection, and there are none of that sort here. */
const OF_CONNECTIONS: ReadonlySet<string> = new Set(["connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade"]);

/** Undefined if the request is malformed. */
export function readHead(fields: readonly HeaderField[]): RequestHead | undefined {
  const pseudo: { method?: string; path?: string; scheme?: string; authority?: string } = {};
  const headers: Record<string, string | undefined> = Object.create(null) as Record<string, string | undefined>; // names are the client's
  let regular = false;
  for (const { name, value } of fields) {
    if (BAD_VALUE.test(value)) return undefined;
    if (name.charCodeAt(0) === 0x3a) {
      const key = name.slice(1);
      if (regular || (key !== "method" && key !== "path" && key !== "scheme" && key !== "authority") || pseudo[key] !== undefined)
        return undefined;
      pseudo[key] = value;
      continue;
    }
    regular = true;
    if (!NAME.test(name) || OF_CONNECTIONS.has(name) || (name === "te" && value !== "trailers")) return undefined;
    const before = headers[name];
    headers[name] = before === undefined ? value : `${before}${name === "cookie" ? "; " : ", "}${value}`;
  }
  const { method, path, scheme, authority } = pseudo;
  if (method === undefined || method === "" || path === undefined || path === "" || scheme === undefined) return undefined;
  if (authority !== undefined) headers["host"] ??= authority;
  const declared = headers["content-length"];
  if (declared !== undefined && !/^\d{1,15}$/.test(declared)) return undefined;
  return { method, target: path, headers, length: declared === undefined ? undefined : Number(declared) };
}

/** Trailers hold no pseudo headers. */
export function areTrailers(fields: readonly HeaderField[]): boolean {
  return fields.every(({ name, value }) => NAME.test(name) && !OF_CONNECTIONS.has(name) && !BAD_VALUE.test(value));
}
