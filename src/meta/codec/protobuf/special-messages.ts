// Types that marshal themselves: what JSON has as free data is a message of its own on the wire.

/** How an `any` travels. */
export type SpecialMessage =
  /** `RawExtension`, `FieldsV1`, `JSON`: field 1 holds JSON text. */
  | "raw"
  /** A schema in field 2, or field 1 says whether all is allowed. */
  | "schemaOrBool"
  /** A schema in field 1, or schemas in field 2. */
  | "schemaOrArray"
  /** A schema in field 1, or texts in field 2. */
  | "schemaOrStringArray";

/** By the last part of the type's full name. A schema in them is always of the type that has the field. */
export function specialMessage(name: string | undefined): SpecialMessage {
  switch (name?.slice(name.lastIndexOf(".") + 1) ?? "") {
    case "JSONSchemaPropsOrBool":
      return "schemaOrBool";
    case "JSONSchemaPropsOrArray":
      return "schemaOrArray";
    case "JSONSchemaPropsOrStringArray":
      return "schemaOrStringArray";
    default:
      return "raw";
  }
}
