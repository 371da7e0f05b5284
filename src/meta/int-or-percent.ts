// Fields that hold a number or a percentage of some total: maxSurge, maxUnavailable, minAvailable.

/**
 * The number, or the percentage of `total` rounded up or down. Throws a RangeError with upstream's words for a text that is
 * no percentage; validation has to come first.
 */
export function intOrPercent(value: number | string, total: number, roundUp: boolean): number {
  if (typeof value === "number") return value;
  if (!value.endsWith("%")) throw new RangeError("invalid value for IntOrString: invalid type: string is not a percentage");
  const digits = value.slice(0, -1);
  if (!/^[+-]?\d+$/.test(digits)) {
    const cause = `strconv.Atoi: parsing ${JSON.stringify(digits)}: invalid syntax`;
    throw new RangeError(`invalid value for IntOrString: invalid value ${JSON.stringify(value)}: ${cause}`);
  }
  const share = (Number(digits) * total) / 100;
  return roundUp ? Math.ceil(share) : Math.floor(share);
}

/** Whether the value is a percentage, by its form. */
export function isPercent(value: number | string | undefined): value is string {
  return typeof value === "string" && /^[0-9]+%$/.test(value);
}
