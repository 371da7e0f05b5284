// HPACK's static table (RFC 7541, appendix A). Its entries count from 1.

export interface HeaderField {
  readonly name: string;
  readonly value: string;
}

const WITH_VALUES = [
  ":authority=|:method=GET|:method=POST|:path=/|:path=/index.html|:scheme=http|:scheme=https|:status=200|:status=204|:status=206",
  ":status=304|:status=400|:status=404|:status=500|accept-charset=|accept-encoding=gzip, deflate",
].join("|");
const WITHOUT_VALUES = [
  "accept-language|accept-ranges|accept|access-control-allow-origin|age|allow|authorization|cache-control|content-disposition",
  "content-encoding|content-language|content-length|content-location|content-range|content-type|cookie|date|etag|expect|expires|from",
  "host|if-match|if-modified-since|if-none-match|if-range|if-unmodified-since|last-modified|link|location|max-forwards",
  "proxy-authenticate|proxy-authorization|range|referer|refresh|retry-after|server|set-cookie|strict-transport-security",
  "transfer-encoding|user-agent|vary|via|www-authenticate",
].join("|");

export const STATIC_TABLE: readonly HeaderField[] = [
  ...WITH_VALUES.split("|").map((text) => {
    const [name = "", value = ""] = text.split("=");
    return { name, value };
  }),
  ...WITHOUT_VALUES.split("|").map((name) => ({ name, value: "" })),
];

/** What a field counts for in tables and limits beyond its two texts. */
export const FIELD_OVERHEAD = 32;
