// The rules for names, labels and the like, each giving what is wrong in upstream's words; an empty list is a valid value.

const DNS1123_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const DNS1123_SUBDOMAIN = `${DNS1123_LABEL}(\\.${DNS1123_LABEL})*`;
const DNS1035_LABEL = "[a-z]([-a-z0-9]*[a-z0-9])?";
const LABEL_KEY = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";
const LABEL_VALUE = `(${LABEL_KEY})?`;
const WILDCARD_SUBDOMAIN = `\\*\\.${DNS1123_SUBDOMAIN}`;
const UNDERSCORE_LABEL = "_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?";
const UNDERSCORE_SUBDOMAIN = `${UNDERSCORE_LABEL}(\\.${UNDERSCORE_LABEL})*`;
const C_IDENTIFIER = "[A-Za-z_][A-Za-z0-9_]*";
const ENV_VAR_NAME = "[-._a-zA-Z][-._a-zA-Z0-9]*";
const CONFIG_MAP_KEY = "[-._a-zA-Z0-9]+";
const HTTP_HEADER_NAME = "[-A-Za-z0-9]+";
const PERCENT = "[0-9]+%";
const CONDITION_REASON = "[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?";
const HTTP_PATH = "[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+";

const whole = (source: string) => new RegExp(`^(?:${source})$`);
const dns1123LabelPattern = whole(DNS1123_LABEL);
const dns1123SubdomainPattern = whole(DNS1123_SUBDOMAIN);
const configMapKeyPattern = whole(CONFIG_MAP_KEY);
const dns1035LabelPattern = whole(DNS1035_LABEL);
const labelKeyPattern = whole(LABEL_KEY);
const labelValuePattern = whole(LABEL_VALUE);

const SUBDOMAIN_TEXT =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character";
const LABEL_KEY_TEXT = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";

/** Length in UTF-8 bytes, which is what upstream's limits count. */
export function byteLength(text: string): number {
  let length = 0;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code < 0x80) length += 1;
    else if (code < 0x800) length += 2;
    else if (code >= 0xd800 && code < 0xdc00 && (text.charCodeAt(index + 1) & 0xfc00) === 0xdc00) {
      length += 4;
      index++;
    } else length += 3;
  }
  return length;
}

/** Upstream's text for a value longer than allowed. */
export function maxLengthText(length: number): string {
  return `must be no more than ${length} characters`;
}

/** Upstream's text for a value that does not match `pattern`. */
export function patternText(message: string, pattern: string, ...examples: readonly string[]): string {
  if (examples.length === 0) return `${message} (regex used for validation is '${pattern}')`;
  return `${message} (e.g. ${examples.map((example) => `'${example}', `).join(" or ")}regex used for validation is '${pattern}')`;
}

/** Upstream's text for a number out of an inclusive range. */
export function inclusiveRangeText(low: number, high: number): string {
  return `must be between ${low} and ${high}, inclusive`;
}

export function dns1123Label(value: string): string[] {
  const wrong: string[] = [];
  if (byteLength(value) > 63) wrong.push(maxLengthText(63));
  if (!dns1123LabelPattern.test(value)) {
    wrong.push(
      dns1123SubdomainPattern.test(value)
        ? "must not contain dots"
        : patternText(
            "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character",
            DNS1123_LABEL,
            "my-name",
            "123-abc",
          ),
    );
  }
  return wrong;
}

export function dns1123Subdomain(value: string): string[] {
  const wrong: string[] = [];
  if (byteLength(value) > 253) wrong.push(maxLengthText(253));
  if (!dns1123SubdomainPattern.test(value)) wrong.push(patternText(SUBDOMAIN_TEXT, DNS1123_SUBDOMAIN, "example.com"));
  return wrong;
}

export function dns1123SubdomainWithUnderscore(value: string): string[] {
  const wrong: string[] = [];
  if (byteLength(value) > 253) wrong.push(maxLengthText(253));
  if (!whole(UNDERSCORE_SUBDOMAIN).test(value)) {
    const text =
      "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and must start and end with an alphanumeric character";
    wrong.push(patternText(text, UNDERSCORE_SUBDOMAIN, "example.com"));
  }
  return wrong;
}

export function wildcardDns1123Subdomain(value: string): string[] {
  const wrong: string[] = [];
  if (byteLength(value) > 253) wrong.push(maxLengthText(253));
  if (!whole(WILDCARD_SUBDOMAIN).test(value)) {
    const text =
      "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character";
    wrong.push(patternText(text, WILDCARD_SUBDOMAIN, "*.example.com"));
  }
  return wrong;
}

export function dns1035Label(value: string): string[] {
  const wrong: string[] = [];
  if (byteLength(value) > 63) wrong.push(maxLengthText(63));
  if (!dns1035LabelPattern.test(value)) {
    const text =
      "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character";
    wrong.push(patternText(text, DNS1035_LABEL, "my-name", "abc-123"));
  }
  return wrong;
}

/** A label key: a name, optionally after a DNS subdomain and a slash. Also the rule for finalizers and condition types. */
export function qualifiedName(value: string): string[] {
  const wrong: string[] = [];
  const slash = value.indexOf("/");
  let name = value;
  if (slash >= 0) {
    const prefix = value.slice(0, slash);
    name = value.slice(slash + 1);
    if (name.includes("/")) {
      return [
        `a valid label key ${patternText(LABEL_KEY_TEXT, LABEL_KEY, "MyName", "my.name", "123-abc")} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`,
      ];
    }
    if (prefix === "") wrong.push("prefix part must be non-empty");
    else {
      // Upstream counts bytes here and says so, unlike for names.
      if (byteLength(prefix) > 253) wrong.push("prefix part must be no more than 253 bytes");
      if (!dns1123SubdomainPattern.test(prefix)) wrong.push(`prefix part ${patternText(SUBDOMAIN_TEXT, DNS1123_SUBDOMAIN, "example.com")}`);
    }
  }
  if (name === "") wrong.push("name part must be non-empty");
  else if (byteLength(name) > 63) wrong.push("name part must be no more than 63 bytes");
  if (!labelKeyPattern.test(name)) wrong.push(`name part ${patternText(LABEL_KEY_TEXT, LABEL_KEY, "MyName", "my.name", "123-abc")}`);
  return wrong;
}

export function labelValue(value: string): string[] {
  const wrong: string[] = [];
  if (byteLength(value) > 63) wrong.push("must be no more than 63 bytes");
  if (!labelValuePattern.test(value)) {
    const text =
      "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
    wrong.push(patternText(text, LABEL_VALUE, "MyValue", "my_value", "12345"));
  }
  return wrong;
}

/** What may stand between two slashes of a path: names of RBAC objects. */
export function pathSegmentName(value: string): string[] {
  return /^\.\.?$/.test(value) ? [`may not be '${value}'`] : pathSegmentPrefix(value);
}

export function pathSegmentPrefix(value: string): string[] {
  return ["/", "%"].filter((part) => value.includes(part)).map((part) => `may not contain '${part}'`);
}

/** A container or service port's name (RFC 6335, lower case). */
export function portName(value: string): string[] {
  const wrong: string[] = [];
  if (byteLength(value) > 15) wrong.push(maxLengthText(15));
  if (!/^[-a-z0-9]+$/.test(value)) wrong.push("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)");
  if (!/[a-z]/.test(value)) wrong.push("must contain at least one letter (a-z)");
  if (value.includes("--")) wrong.push("must not contain consecutive hyphens");
  if (value.startsWith("-") || value.endsWith("-")) wrong.push("must not begin or end with a hyphen");
  return wrong;
}

export function portNumber(port: number): string[] {
  return inRange(port, 1, 65535);
}

export function inRange(value: number, low: number, high: number): string[] {
  return value >= low && value <= high ? [] : [inclusiveRangeText(low, high)];
}

/** User and group ids. */
export function userId(id: number): string[] {
  return inRange(id, 0, 2147483647);
}

export function percent(value: string): string[] {
  return whole(PERCENT).test(value)
    ? []
    : [patternText("a valid percent string must be a numeric string followed by an ending '%'", PERCENT, "1%", "93%")];
}

export function httpHeaderName(value: string): string[] {
  return whole(HTTP_HEADER_NAME).test(value)
    ? []
    : [patternText("a valid HTTP header must consist of alphanumeric characters or '-'", HTTP_HEADER_NAME, "X-Header-Name")];
}

export function cIdentifier(value: string): string[] {
  const text = "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric characters or '_'";
  return whole(C_IDENTIFIER).test(value) ? [] : [patternText(text, C_IDENTIFIER, "my_name", "MY_NAME", "MyName")];
}

/** The strict rule for environment variable names. */
export function envVarName(value: string): string[] {
  const text =
    "a valid environment variable name must consist of alphabetic characters, digits, '_', '-', or '.', and must not start with a digit";
  const wrong = whole(ENV_VAR_NAME).test(value) ? [] : [patternText(text, ENV_VAR_NAME, "my.env-name", "MY_ENV.NAME", "MyEnvName1")];
  return [...wrong, ...parentDirectory(value)];
}

/** The relaxed rule for environment variable names, upstream's default since v1.34. */
export function relaxedEnvVarName(value: string): string[] {
  const wrong: string[] = [];
  if (value === "") wrong.push("environment variable name must be non-empty");
  if (!/^[\x20-\x3c\x3e-\x7e]*$/.test(value)) {
    wrong.push("a valid environment variable name must consist only of printable ASCII characters other than '='");
  }
  return wrong;
}

/** A key of a ConfigMap or Secret. */
export function configMapKey(value: string): string[] {
  const wrong: string[] = [];
  if (byteLength(value) > 253) wrong.push(maxLengthText(253));
  if (!configMapKeyPattern.test(value)) {
    const text = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'";
    wrong.push(patternText(text, CONFIG_MAP_KEY, "key.name", "KEY_NAME", "key-name"));
  }
  return [...wrong, ...parentDirectory(value)];
}

export function conditionReason(value: string): string[] {
  const text =
    "a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric characters or '_,:', and must end with an alphanumeric character or '_'";
  const examples = ["my_name", "MY_NAME", "MyName", "ReasonA,ReasonB", "ReasonA:ReasonB"];
  return whole(CONDITION_REASON).test(value) ? [] : [patternText(text, CONDITION_REASON, ...examples)];
}

/** The path part of a domain-prefixed path: `acme.io/foo`. */
export function httpPath(value: string): string[] {
  return whole(HTTP_PATH).test(value) ? [] : [patternText("Invalid path", HTTP_PATH)];
}

function parentDirectory(value: string): string[] {
  if (value === "." || value === "..") return [`must not be '${value}'`];
  return value.startsWith("..") ? ["must not start with '..'"] : [];
}
