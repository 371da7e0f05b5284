// Resource lists (`{cpu: "500m", memory: "1Gi"}`) as they stand in objects.

import { canonicalQuantity, compareQuantities, milliQuantityOf, formatQuantity, parseQuantity, type Quantity } from "#meta/quantity.ts";

/** As it may be written; what is stored are texts in canonical form. */
export type Amount = string | number;

export type ResourceList = Record<string, Amount>;

/**
 * Puts a list's quantities into canonical form, rounded up to thousandths, as upstream stores them. What is no
 * quantity is left alone: decoding refuses it.
 */
export function canonicalize(list: ResourceList | undefined | null): void {
  if (!list) return;
  for (const [name, value] of Object.entries(list)) {
    const quantity = tryParse(value);
    if (quantity === undefined) continue;
    const text = quantity.nanos % 1_000_000n === 0n ? canonicalQuantity(value) : formatQuantity(roundedUp(quantity));
    if (text !== value) list[name] = text;
  }
}

function roundedUp(quantity: Quantity): Quantity {
  const millis = quantity.nanos / 1_000_000n;
  return milliQuantityOf(Number(quantity.nanos > 0n ? millis + 1n : millis - 1n), quantity.format);
}

/** The quantity, or undefined if the text is none. */
export function tryParse(value: Amount | undefined | null): Quantity | undefined {
  if (value === undefined || value === null) return undefined;
  try {
    return parseQuantity(value);
  } catch {
    return undefined;
  }
}

/** As compareQuantities; what is no quantity counts as zero. */
export function compare(a: Amount | undefined, b: Amount | undefined): number {
  return compareQuantities(tryParse(a) ?? "0", tryParse(b) ?? "0");
}

/** Adds what `from` has and `to` lacks. */
export function addMissing(to: ResourceList, from: Readonly<ResourceList> | undefined | null): void {
  for (const [name, value] of Object.entries(from ?? {})) to[name] ??= value;
}

/** One amount in canonical form; what is no quantity stays as it is. */
export function canonical(value: Amount): string {
  const quantity = tryParse(value);
  return quantity === undefined ? String(value) : canonicalQuantity(value);
}

/** The amount as a whole number, rounded away from zero, as upstream's Value() gives it; what is no quantity counts as zero. */
export function integerPart(value: Amount): number {
  const nanos = tryParse(value)?.nanos ?? 0n;
  const whole = nanos / 1_000_000_000n;
  const rest = nanos % 1_000_000_000n;
  return Number(rest === 0n ? whole : nanos > 0n ? whole + 1n : whole - 1n);
}

/** Whether it has no fraction, counted in thousandths. */
export function isWhole(value: Amount | undefined): boolean {
  return ((tryParse(value)?.nanos ?? 0n) / 1_000_000n) % 1000n === 0n;
}
