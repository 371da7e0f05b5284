// Formats of values that schemas may name. Others are let through, with a warning.

import type { CustomResourceDefinition } from "#kinds/api/apiextensions-v1.gen.ts";
import { quote } from "#meta/errors.ts";
import type { DeepReadonly } from "#meta/object.ts";
import { eachSchema, type Schema } from "./validate-structural.ts";

/** Without their dashes. */
const STRING_FORMATS: ReadonlySet<string> = new Set(
  "bsonobjectid uri email hostname ipv4 ipv6 cidr mac uuid uuid3 uuid4 uuid5 isbn isbn10 isbn13 creditcard ssn hexcolor rgbcolor byte password date duration datetime k8sshortname k8slongname".split(
    " ",
  ),
);

function isKnown({ type = "", format = "" }: Schema): boolean {
  if (type === "" || type === "string") return STRING_FORMATS.has(format.replaceAll("-", ""));
  if (type === "integer") return format === "int32" || format === "int64";
  return type === "number" && (format === "float" || format === "double");
}

function unknownFormats(definition: DeepReadonly<CustomResourceDefinition> | undefined): string[] {
  const found: string[] = [];
  for (const { schema } of (definition?.spec?.versions as DeepReadonly<{ schema?: { openAPIV3Schema?: Schema } }>[] | undefined) ?? []) {
    if (!schema?.openAPIV3Schema) continue;
    for (const one of eachSchema(schema.openAPIV3Schema)) if (one.format && !isKnown(one)) found.push(one.format);
  }
  return found;
}

/** Only formats that are new are told. */
export function formatWarnings(
  next: DeepReadonly<CustomResourceDefinition>,
  previous: DeepReadonly<CustomResourceDefinition> | undefined,
): string[] {
  const before = new Set(unknownFormats(previous));
  return unknownFormats(next)
    .filter((format) => !before.has(format))
    .map((format) => `unrecognized format ${quote(format)}`);
}
