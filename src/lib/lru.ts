// A bounded map that forgets what was not used for longest.

export interface Lru<Key, Value> {
  readonly size: number;
  /** The value, which becomes the most recently used. */
  get(key: Key): Value | undefined;
  set(key: Key, value: Value): void;
  delete(key: Key): boolean;
  clear(): void;
}

/** Holds at most `capacity` entries. */
export function createLru<Key, Value>(capacity: number): Lru<Key, Value> {
  // A Map iterates in insertion order: its first key is the least recently used.
  const entries = new Map<Key, Value>();
  return {
    get size() {
      return entries.size;
    },
    get(key) {
      const value = entries.get(key);
      if (value === undefined && !entries.has(key)) return undefined;
      entries.delete(key);
      entries.set(key, value as Value); // the key is there
      return value;
    },
    set(key, value) {
      entries.delete(key);
      entries.set(key, value);
      if (entries.size > capacity) {
        for (const oldest of entries.keys()) {
          entries.delete(oldest);
          break;
        }
      }
    },
    delete: (key) => entries.delete(key),
    clear: () => entries.clear(),
  };
}
