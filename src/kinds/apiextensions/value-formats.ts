// Formats of strings in custom resources, as the library that upstream uses knows them. Unknown ones accept everything.

import { parseCidr, parseIp } from "#kinds/shared/ip.ts";

const UUID = "[0-9a-f]{8}-?[0-9a-f]{4}-?";
const PATTERNS: Readonly<Record<string, RegExp>> = {
  bsonobjectid: /^[0-9a-f]{24}$/i,
  uri: /^[a-z][a-z0-9+.-]*:\S*$|^\/\S*$/i,
  email: /^(?:.*<)?[^\s@<>]+@[^\s@<>]+>?$/,
  hostname:
    /^(?=.{1,255}$)[a-zA-Z0-9\p{L}]([a-zA-Z0-9\p{L}-]{0,61}[a-zA-Z0-9\p{L}])?(\.[a-zA-Z0-9\p{L}]([a-zA-Z0-9\p{L}-]{0,61}[a-zA-Z0-9\p{L}])?)*\.?$/u,
  mac: /^([0-9a-f]{2}([:-][0-9a-f]{2}){5}(([:-][0-9a-f]{2}){2}|([:-][0-9a-f]{2}){14})?|[0-9a-f]{4}(\.[0-9a-f]{4}){2}(\.[0-9a-f]{4}|(\.[0-9a-f]{4}){7})?)$/i,
  uuid: new RegExp(`^${UUID}[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$`, "i"),
  uuid3: new RegExp(`^${UUID}3[0-9a-f]{3}-?[0-9a-f]{4}-?[0-9a-f]{12}$`, "i"),
  uuid4: new RegExp(`^${UUID}4[0-9a-f]{3}-?[89ab][0-9a-f]{3}-?[0-9a-f]{12}$`, "i"),
  uuid5: new RegExp(`^${UUID}5[0-9a-f]{3}-?[89ab][0-9a-f]{3}-?[0-9a-f]{12}$`, "i"),
  ssn: /^\d{3}[- ]?\d{2}[- ]?\d{4}$/,
  hexcolor: /^#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$/,
  rgbcolor: /^rgb\(\s*((0|[1-9]\d?|1\d\d?|2[0-4]\d|25[0-5])\s*,\s*){2}(0|[1-9]\d?|1\d\d?|2[0-4]\d|25[0-5])\s*\)$/,
  byte: /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/,
  duration: /^-?(\d+(\.\d*)?|\.\d+)\s*(ns|us|µs|μs|ms|s|m|h|d|w|nano\w*|micro\w*|milli\w*|sec\w*|min\w*|hour\w*|hr|day\w*|week\w*|wk)/,
  k8sshortname: /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/,
  k8slongname: /^(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/,
};
const DATE = /^\d{4}-\d{2}-\d{2}$/;
const DATE_TIME = /^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:[Zz]|[+-]\d{2}:\d{2})$/;

export function isOfFormat(format: string, value: string): boolean {
  const name = format.replaceAll("-", "");
  switch (name) {
    case "date":
      return DATE.test(value) && new Date(value).toJSON()?.startsWith(value) === true;
    case "datetime":
      return DATE_TIME.test(value) && !Number.isNaN(Date.parse(value));
    case "ipv4":
      return parseIp(value)?.family === 4;
    case "ipv6":
      return parseIp(value)?.family === 6;
    case "cidr":
      return parseCidr(value) !== undefined;
    default:
      return PATTERNS[name]?.test(value) ?? true;
  }
}
