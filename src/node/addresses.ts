// Hands out the addresses of a pod CIDR, oldest free one first, so that a just released address rests as long as possible.

export interface AddressPool {
  /** A free address; throws when there is none. */
  take(): string;
  /** Marks an address as taken, for pods found at start. Addresses outside the range are ignored. */
  reserve(address: string): void;
  /** Gives an address back. Unknown ones are ignored. */
  release(address: string): void;
}

/** The addresses of an IPv4 CIDR without the first (network), the second (gateway by custom) and the last (broadcast). */
export function createAddressPool(cidr: string): AddressPool {
  const { first, size } = parseCidr(cidr);
  if (size < 4) throw new RangeError(`pod CIDR ${cidr} has no room for a pod`);
  const taken = new Set<number>();
  const low = 2;
  const high = size - 2;
  let next = low;
  return {
    take() {
      for (let tries = low; tries <= high; tries++) {
        const offset = next;
        next = next === high ? low : next + 1;
        if (!taken.has(offset)) {
          taken.add(offset);
          return formatIp(first + offset);
        }
      }
      throw new RangeError(`no free address left in ${cidr}`);
    },
    reserve(address) {
      const offset = parseIp(address) - first;
      if (offset >= low && offset <= high) taken.add(offset);
    },
    release: (address) => void taken.delete(parseIp(address) - first),
  };
}

function parseCidr(cidr: string): { first: number; size: number } {
  const [address = "", bits = ""] = cidr.split("/");
  const prefix = Number(bits);
  if (!/^\d+$/.test(bits) || prefix > 32) throw new RangeError(`not an IPv4 CIDR: ${cidr}`);
  const size = 2 ** (32 - prefix);
  const value = parseIp(address);
  return { first: value - (value % size), size };
}

function parseIp(address: string): number {
  const parts = address.split(".").map(Number);
  if (parts.length !== 4 || parts.some((part) => !Number.isInteger(part) || part < 0 || part > 255)) {
    throw new RangeError(`not an IPv4 address: ${address}`);
  }
  // Multiplication, not shifts: addresses above 127.255.255.255 do not fit a signed 32-bit integer.
  return parts.reduce((value, part) => value * 256 + part, 0);
}

function formatIp(value: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join(".");
}
