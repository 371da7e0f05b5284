// Kubernetes quantities (`100m`, `1.5Gi`, `12e6`), exact: a value is a whole number of nanos, whatever its form.

export type QuantityFormat = "DecimalSI" | "BinarySI" | "DecimalExponent";

/** An exact amount and the family of suffixes it is printed with. */
export interface Quantity {
  readonly nanos: bigint;
  readonly format: QuantityFormat;
  /** How it is printed, where that is the text it was parsed from. */
  readonly text?: string;
}

/** What the functions below take: a parsed quantity, or one as it stands in an object. */
export type QuantityLike = Quantity | string | number;

const FORM = /^([+-]?)0*(\d*)(?:\.(\d*))?([eEinumkKMGTP]*(?:[-+]?\d*))$/;
const WRONG_FORM = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
const WRONG_SUFFIX = "unable to parse quantity's suffix";

const NANO = 1_000_000_000n;
const MAX_INT64 = 2n ** 63n - 1n;
/** Upstream has no bound; without one a short text could make a number of any length. */
const MAX_EXPONENT = 1000;

/** Powers of ten by suffix; those of 1024 are in BINARY. */
const DECIMAL: Readonly<Record<string, number>> = { "": 0, n: -9, u: -6, m: -3, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 };
const BINARY: Readonly<Record<string, number>> = { Ki: 1, Mi: 2, Gi: 3, Ti: 4, Pi: 5, Ei: 6 };
const DECIMAL_SUFFIXES: Readonly<Record<number, string>> = invert(DECIMAL);
const BINARY_SUFFIXES = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];

/** Parses a quantity; throws a RangeError with upstream's words. Fractions of a nano are rounded away from zero. */
export function parseQuantity(value: string | number): Quantity {
  const text = typeof value === "number" ? String(value) : value.trim();
  if (text === "") throw new RangeError(WRONG_FORM);
  if (text === "0") return { nanos: 0n, format: "DecimalSI", text };
  const parts = FORM.exec(text);
  if (parts === null) throw new RangeError(WRONG_FORM);
  const [, sign, digits = "", fraction = "", suffix = ""] = parts;
  const whole = digits === "" ? "0" : digits;
  const negative = sign === "-";
  const power = BINARY[suffix];
  return power === undefined ? parseDecimal(text, whole, fraction, suffix, negative) : parseBinary(text, whole, fraction, power, negative);
}

function parseDecimal(text: string, whole: string, fraction: string, suffix: string, negative: boolean): Quantity {
  let exponent = DECIMAL[suffix];
  let format: QuantityFormat = "DecimalSI";
  if (exponent === undefined) {
    if (!/^[eE][-+]?\d+$/.test(suffix)) throw new RangeError(WRONG_SUFFIX);
    exponent = Number(suffix.slice(1));
    format = "DecimalExponent";
    if (exponent > MAX_EXPONENT) throw new RangeError(WRONG_SUFFIX);
    exponent = Math.max(exponent, -MAX_EXPONENT);
  }
  const shifted = whole + fraction;
  const scale = exponent - fraction.length;
  const nanos = signed(scaleUp(BigInt(shifted), scale + 9), negative);
  // Upstream keeps the text it was given only where it sees cheaply that it is canonical.
  const kept = shifted.length <= 18 && scale >= -9 && scale % 3 === 0 && !shifted.endsWith("000") && !shifted.startsWith("0");
  return kept ? { nanos, format, text } : { nanos, format };
}

function parseBinary(text: string, whole: string, fraction: string, power: number, negative: boolean): Quantity {
  const factor = 1024n ** BigInt(power);
  const value = BigInt(whole);
  if (fraction === "" && whole.length + 3 * power <= 14) {
    const nanos = signed(value * factor * NANO, negative);
    return (value & 7n) === 0n ? { nanos, format: "BinarySI" } : { nanos, format: "BinarySI", text };
  }
  // For small factors upstream takes a suffix alone for zero.
  if (!/\d/.test(text)) throw new RangeError("unable to parse numeric part of quantity");
  let nanos = scaleUp(BigInt(whole + fraction) * factor, 9 - fraction.length);
  if (nanos > MAX_INT64 * NANO) nanos = MAX_INT64 * NANO;
  const format = nanos > 0n && nanos < NANO ? "DecimalSI" : "BinarySI";
  return { nanos: signed(nanos, negative), format };
}

const signed = (value: bigint, negative: boolean) => (negative ? -value : value);

/** `value` times ten to the power, rounded up; for values that are not negative. */
function scaleUp(value: bigint, power: number): bigint {
  return power >= 0 ? value * 10n ** BigInt(power) : divideUp(value, 10n ** BigInt(-power));
}

/** Quotient rounded away from zero. */
function divideUp(value: bigint, divisor: bigint): bigint {
  const quotient = value / divisor;
  if (quotient * divisor === value) return quotient;
  return value < 0n ? quotient - 1n : quotient + 1n;
}

function resolve(value: QuantityLike): Quantity {
  return typeof value === "object" ? value : parseQuantity(value);
}

/** Negative, 0 or positive as `a` is less than, equal to or more than `b`. */
export function compareQuantities(a: QuantityLike, b: QuantityLike): number {
  if (a === b) return 0;
  const left = resolve(a).nanos;
  const right = resolve(b).nanos;
  return left < right ? -1 : left > right ? 1 : 0;
}

/** The sum, in the format of `a` (of `b` if `a` is zero). */
export function addQuantities(a: QuantityLike, b: QuantityLike): Quantity {
  const left = resolve(a);
  const right = resolve(b);
  return { nanos: left.nanos + right.nanos, format: left.nanos === 0n ? right.format : left.format };
}

/** The difference, in the format of `a` (of `b` if `a` is zero). */
export function subtractQuantities(a: QuantityLike, b: QuantityLike): Quantity {
  const left = resolve(a);
  const right = resolve(b);
  return { nanos: left.nanos - right.nanos, format: left.nanos === 0n ? right.format : left.format };
}

/** A quantity of whole units. */
export function quantityOf(value: number, format: QuantityFormat = "DecimalSI"): Quantity {
  return { nanos: BigInt(Math.ceil(value)) * NANO, format };
}

/** A quantity of thousandths: CPU. */
export function milliQuantityOf(value: number, format: QuantityFormat = "DecimalSI"): Quantity {
  return { nanos: BigInt(Math.ceil(value)) * 1_000_000n, format };
}

/** The nearest number; fractions are kept. */
export function quantityToNumber(value: QuantityLike): number {
  const { nanos } = resolve(value);
  const units = nanos / NANO;
  return Number(units) + Number(nanos - units * NANO) / 1e9;
}

/** In whole units, rounded away from zero; beyond 2^53 the nearest number. */
export function quantityValue(value: QuantityLike): number {
  if (typeof value === "number" && Number.isSafeInteger(value)) return value;
  if (typeof value === "string") {
    const simple = simpleMillis(value);
    if (simple !== undefined) return simple < 0 ? Math.floor(simple / 1000) : Math.ceil(simple / 1000);
  }
  return Number(divideUp(resolve(value).nanos, NANO));
}

/** In thousandths, rounded away from zero; beyond 2^53 the nearest number. */
export function milliValue(value: QuantityLike): number {
  if (typeof value === "string") {
    const simple = simpleMillis(value);
    if (simple !== undefined) return simple;
  }
  return Number(divideUp(resolve(value).nanos, 1_000_000n));
}

/** Thousandths of the forms that nearly all objects use, without BigInt; undefined for all others. */
function simpleMillis(text: string): number | undefined {
  const parts = /^(\d{1,9})(m|k|[KMGT]i?)?$/.exec(text);
  if (parts === null) return undefined;
  const digits = Number(parts[1]);
  let millis: number;
  switch (parts[2]) {
    case undefined:
      return digits * 1000;
    case "m":
      return digits;
    case "Ki":
      millis = digits * 1000 * 1024;
      break;
    case "Mi":
      millis = digits * 1000 * 1024 ** 2;
      break;
    case "Gi":
      millis = digits * 1000 * 1024 ** 3;
      break;
    case "Ti":
      millis = digits * 1000 * 1024 ** 4;
      break;
    case "k":
      millis = digits * 1e6;
      break;
    case "M":
      millis = digits * 1e9;
      break;
    case "G":
      millis = digits * 1e12;
      break;
    case "T":
      millis = digits * 1e15;
      break;
    default:
      return undefined;
  }
  return Number.isSafeInteger(millis) ? millis : undefined;
}

/** The text that upstream prints, from a quantity or from any valid text. */
export function formatQuantity(value: QuantityLike): string {
  const quantity = resolve(value);
  if (quantity.text !== undefined) return quantity.text;
  const { nanos, format } = quantity;
  if (nanos === 0n) return "0";
  if (format === "BinarySI" && nanos % NANO === 0n) {
    const units = nanos / NANO;
    if (units <= -1024n || units >= 1024n) {
      const { mantissa, times } = removeFactors(units, 1024n, BINARY_SUFFIXES.length - 1);
      return `${mantissa}${BINARY_SUFFIXES[times] ?? ""}`;
    }
  }
  // Fractions of bytes and amounts below 1024 print in decimal even when they were given in binary.
  const exponential = format === "DecimalExponent";
  const { mantissa, times } = removeFactors(nanos, 1000n, exponential ? Infinity : 9);
  const exponent = times * 3 - 9;
  if (exponential) return exponent === 0 ? String(mantissa) : `${mantissa}e${exponent}`;
  return `${mantissa}${DECIMAL_SUFFIXES[exponent] ?? ""}`;
}

/** The canonical form of a quantity's text: `1000m` is `1`, `1024Mi` is `1Gi`, `0.5` is `500m`. Throws as parseQuantity does. */
export function canonicalQuantity(text: string | number): string {
  // Up to three digits that do not start with 0 cannot be said with a larger suffix.
  if (typeof text === "string" && /^[1-9]\d{0,2}(?:m|k|[KMGT]i?)?$/.test(text) && !text.endsWith("K")) return text;
  return formatQuantity(parseQuantity(text));
}

function removeFactors(value: bigint, factor: bigint, limit: number): { mantissa: bigint; times: number } {
  let mantissa = value;
  let times = 0;
  while (times < limit && mantissa % factor === 0n) {
    mantissa /= factor;
    times++;
  }
  return { mantissa, times };
}

function invert(table: Readonly<Record<string, number>>): Record<number, string> {
  return Object.fromEntries(Object.entries(table).map(([suffix, power]) => [power, suffix]));
}
