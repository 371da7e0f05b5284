import type { Secret } from "#kinds/api/core-v1.gen.ts";
import { MAX_DATA_BYTES } from "#kinds/core/config-map/kind.ts";
import { base64Bytes, decodeBase64 } from "#kinds/shared/base64.ts";
import { equal } from "#lib/equal.ts";
import { field, type FieldError } from "#meta/errors.ts";
import { configMapKey } from "#meta/names.ts";
import type { DeepReadonly } from "#meta/object.ts";

const IMMUTABLE = "field is immutable when `immutable` is set";

export function validateSecret(next: DeepReadonly<Secret>, previous: DeepReadonly<Secret> | undefined): FieldError[] {
  const errors: FieldError[] = [];
  if (previous) {
    if (next.type !== previous.type) errors.push(field.invalid("type", next.type, "field is immutable"));
    if (previous.immutable) {
      if (!next.immutable) errors.push(field.forbidden("immutable", IMMUTABLE));
      if (!equal(next.data ?? {}, previous.data ?? {})) errors.push(field.forbidden("data", IMMUTABLE));
    }
  }
  const data = next.data ?? {};
  let total = 0;
  for (const [key, value] of Object.entries(data)) {
    for (const wrong of configMapKey(key)) errors.push(field.invalid(`data[${key}]`, key, wrong));
    total += base64Bytes(value);
  }
  if (total > MAX_DATA_BYTES) errors.push(field.tooLong("data", MAX_DATA_BYTES));
  const required = (key: string) => {
    if (data[key] === undefined) errors.push(field.required(`data[${key}]`));
  };
  switch (next.type ?? "") {
    case "kubernetes.io/service-account-token":
      if (!next.metadata?.annotations?.["kubernetes.io/service-account.name"]) {
        errors.push(field.required("metadata.annotations[kubernetes.io/service-account.name]"));
      }
      break;
    case "kubernetes.io/dockercfg":
      requireJson(".dockercfg", data, errors);
      break;
    case "kubernetes.io/dockerconfigjson":
      requireJson(".dockerconfigjson", data, errors);
      break;
    case "kubernetes.io/basic-auth":
      if (data["username"] === undefined && data["password"] === undefined) {
        required("username");
        required("password");
      }
      break;
    case "kubernetes.io/ssh-auth":
      if (!data["ssh-privatekey"]) errors.push(field.required("data[ssh-privatekey]"));
      break;
    case "kubernetes.io/tls":
      required("tls.crt");
      required("tls.key");
      break;
    default:
  }
  return errors;
}

function requireJson(key: string, data: Readonly<Record<string, string>>, errors: FieldError[]): void {
  const value = data[key];
  if (value === undefined) {
    errors.push(field.required(`data[${key}]`));
    return;
  }
  try {
    const parsed: unknown = JSON.parse(decodeBase64(value) ?? "");
    if (parsed !== null && (typeof parsed !== "object" || Array.isArray(parsed)))
      throw new TypeError("json: cannot unmarshal value into an object");
  } catch (error) {
    errors.push(field.invalid(`data[${key}]`, "<secret contents redacted>", error instanceof Error ? error.message : String(error)));
  }
}
