// Names of signers: a domain and a path.

import { type Errors } from "#kinds/shared/checks.ts";
import { field, quote } from "#meta/errors.ts";
import { byteLength, dns1123Label, dns1123Subdomain } from "#meta/names.ts";

const MAX_DOMAIN = 253;
/** Domain, slash, and a path that holds a subdomain, a dot and a label. */
const MAX_NAME = MAX_DOMAIN + 1 + 253 + 63 + 1;

export function checkSignerName(errors: Errors, path: string, name: string): void {
  if (name === "") {
    errors.push(field.required(path));
    return;
  }
  const [domain = "", rest, ...more] = name.split("/");
  if (rest === undefined || more.length > 0) {
    errors.push(field.invalid(path, name, "must be a fully qualified domain and path of the form 'example.com/signer-name'"));
    return;
  }
  if (byteLength(domain) > MAX_DOMAIN) errors.push(field.tooLong(path, MAX_DOMAIN));
  const labels = domain.split(".");
  checkFirstWrong(errors, path, domain, labels, dns1123Label);
  if (labels.length < 2) errors.push(field.invalid(path, domain, "should be a domain with at least two segments separated by dots"));
  checkFirstWrong(errors, path, rest, rest.split("."), dns1123Subdomain);
  if (byteLength(name) > MAX_NAME) errors.push(field.tooLong(path, MAX_NAME));
}

/** Only the first wrong part is told: the texts of further ones would not say which they mean. */
function checkFirstWrong(errors: Errors, path: string, whole: string, parts: readonly string[], rule: (part: string) => string[]): void {
  for (const part of parts) {
    const wrong = rule(part);
    if (wrong.length === 0) continue;
    for (const text of wrong) errors.push(field.invalid(path, whole, `validating label ${quote(part)}: ${text}`));
    return;
  }
}
