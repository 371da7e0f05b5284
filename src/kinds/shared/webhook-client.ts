// Checks of where a webhook is: admission webhooks and conversion webhooks of custom resources have the same form.

import { field } from "#meta/errors.ts";
import { dns1123Subdomain, portNumber } from "#meta/names.ts";
import type { Errors } from "./checks.ts";

interface WebhookClientLike {
  readonly url?: string;
  readonly service?: {
    readonly name?: string;
    readonly namespace?: string;
    readonly path?: string;
    readonly port?: number;
  };
}

const FORM = "; desired format: https://host[/path]";

/** `mustBeHttps`: upstream's only use. */
export function checkWebhookClient(errors: Errors, path: string, client: WebhookClientLike | undefined): void {
  const { url, service } = client ?? {};
  if ((url === undefined) === (service === undefined)) {
    errors.push(field.required(path, "exactly one of url or service is required"));
  } else if (url !== undefined) checkUrl(errors, `${path}.url`, url);
  else checkService(errors, `${path}.service`, service);
}

function checkUrl(errors: Errors, path: string, text: string): void {
  // The parts as upstream's parser splits them: a scheme only if it looks like one, an authority only after two slashes.
  const control = /[\u0000-\u001f\u007f]/.test(text); // eslint-disable-line no-control-regex -- control characters are what is looked for
  const [beforeFragment = "", ...fragments] = text.split("#");
  const fragment = fragments.join("#");
  const [beforeQuery = "", ...queries] = beforeFragment.split("?");
  const query = queries.join("?");
  const parts = /^(?:([A-Za-z][A-Za-z0-9+.-]*):)?(.*)$/s.exec(beforeQuery);
  const scheme = (parts?.[1] ?? "").toLowerCase();
  const rest = parts?.[2] ?? "";
  const problem = control ? "net/url: invalid control character in URL" : urlProblem(scheme, rest);
  if (problem !== undefined) {
    errors.push(
      field.required(path, `url must be a valid URL: parse ${JSON.stringify(control ? text : beforeFragment)}: ${problem}${FORM}`),
    );
    return;
  }
  const authority = /^\/\/([^/]*)/.exec(rest)?.[1] ?? "";
  const at = authority.lastIndexOf("@");
  if (scheme !== "https") errors.push(field.invalid(path, scheme, `'https' is the only allowed URL scheme${FORM}`));
  if (authority.slice(at + 1) === "") errors.push(field.invalid(path, "", `host must be specified${FORM}`));
  if (at >= 0) errors.push(field.invalid(path, authority.slice(0, at), "user information is not permitted in the URL"));
  if (fragment !== "") errors.push(field.invalid(path, decode(fragment), "fragments are not permitted in the URL"));
  if (query !== "") errors.push(field.invalid(path, query, "query parameters are not permitted in the URL"));
}

function urlProblem(scheme: string, rest: string): string | undefined {
  if (scheme === "" && rest.startsWith(":")) return "missing protocol scheme";
  if (scheme === "" && !rest.startsWith("/")) {
    const first = rest.split("/", 1)[0] ?? "";
    if (first.includes(":")) return "first path segment in URL cannot contain colon";
  }
  const authority = /^\/\/([^/]*)/.exec(rest)?.[1] ?? "";
  const host = authority.slice(authority.lastIndexOf("@") + 1);
  const port = /:([^\]]*)$/.exec(host)?.[1];
  if (port !== undefined && !/^\d*$/.test(port)) return `invalid port ${JSON.stringify(`:${port}`)} after host`;
  const wrong = /[ "<>\\^`{|}]/.exec(host)?.[0];
  if (wrong !== undefined) return `invalid character ${JSON.stringify(wrong)} in host name`;
  const escape = /%(?![0-9A-Fa-f]{2}).{0,2}/.exec(rest)?.[0];
  return escape === undefined ? undefined : `invalid URL escape ${JSON.stringify(escape)}`;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function checkService(errors: Errors, path: string, service: WebhookClientLike["service"]): void {
  // Upstream hands name and namespace over the wrong way round, which shows in which of the two is reported.
  const { name = "", namespace = "", path: urlPath, port = 0 } = service ?? {};
  if (namespace === "") errors.push(field.required(`${path}.name`));
  if (name === "") errors.push(field.required(`${path}.namespace`));
  const wrong = portNumber(port);
  if (wrong.length > 0) errors.push(field.invalid(`${path}.port`, port, `port is not valid: ${wrong.join(", ")}`));
  if (urlPath === undefined || urlPath === "/" || urlPath === "") return;
  const at = `${path}.path`;
  if (urlPath === "//") {
    errors.push(field.invalid(at, urlPath, "segment[0] may not be empty"));
    return;
  }
  if (!urlPath.startsWith("/")) errors.push(field.invalid(at, urlPath, "must start with a '/'"));
  for (const [index, step] of urlPath.slice(1).replace(/\/$/, "").split("/").entries()) {
    if (step === "") errors.push(field.invalid(at, urlPath, `segment[${index}] may not be empty`));
    else for (const text of dns1123Subdomain(step)) errors.push(field.invalid(at, urlPath, `segment[${index}]: ${text}`));
  }
}
