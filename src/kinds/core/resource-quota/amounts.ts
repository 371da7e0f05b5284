// Arithmetic on lists of resources, exact.

import { tryParse, type Amount } from "#kinds/shared/quantities.ts";
import { addQuantities, compareQuantities, formatQuantity, parseQuantity, subtractQuantities, type Quantity } from "#meta/quantity.ts";

export type Amounts = ReadonlyMap<string, Quantity>;

export const ZERO: Quantity = parseQuantity("0");
export const ONE: Quantity = parseQuantity("1");

/** A list as it stands in an object; what is no quantity is left out. */
export function amountsOf(list: Readonly<Record<string, Amount>> | undefined): Map<string, Quantity> {
  const amounts = new Map<string, Quantity>();
  for (const [name, value] of Object.entries(list ?? {})) {
    const quantity = tryParse(value);
    if (quantity) amounts.set(name, quantity);
  }
  return amounts;
}

/** As it goes into an object. */
export function listOf(amounts: Amounts): Record<string, string> {
  return Object.fromEntries([...amounts].map(([name, quantity]) => [name, formatQuantity(quantity)]));
}

/** Adds `more` to the amounts of `total`, which is changed. */
export function addTo(total: Map<string, Quantity>, more: Amounts): void {
  for (const [name, quantity] of more) total.set(name, addQuantities(total.get(name) ?? ZERO, quantity));
}

/** Raises the amounts of `total`, which is changed, to those of `other`. */
export function raiseTo(total: Map<string, Quantity>, other: Amounts): void {
  for (const [name, quantity] of other) {
    const present = total.get(name);
    if (present === undefined || compareQuantities(quantity, present) > 0) total.set(name, quantity);
  }
}

/** By how much `next` is above `previous`, resource by resource; what is not above is left out. */
export function growth(next: Amounts, previous: Amounts): Map<string, Quantity> {
  const grown = new Map<string, Quantity>();
  for (const [name, quantity] of next) {
    const difference = subtractQuantities(quantity, previous.get(name) ?? ZERO);
    if (difference.nanos > 0n) grown.set(name, difference);
  }
  return grown;
}

export function only(amounts: Amounts, keep: (name: string) => boolean): Map<string, Quantity> {
  return new Map([...amounts].filter(([name]) => keep(name)));
}

/** Whether both name the same resources, each with the same amount however written. */
export function sameAmounts(a: Amounts, b: Amounts): boolean {
  return a.size === b.size && [...a].every(([name, quantity]) => b.get(name)?.nanos === quantity.nanos);
}

/** `cpu=1,memory=2Gi`, in the order of names. */
export function shown(amounts: Amounts): string {
  return [...amounts]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, quantity]) => `${name}=${formatQuantity(quantity)}`)
    .join(",");
}
