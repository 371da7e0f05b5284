// A binary heap whose items have keys, so that they can be replaced and removed wherever they are.

export interface Heap<Key, Item> {
  readonly size: number;
  /** The first item, or undefined when empty. */
  peek(): Item | undefined;
  /** Removes and returns the first item. */
  pop(): Item | undefined;
  /** Adds the item, replacing the one with the same key. */
  push(item: Item): void;
  get(key: Key): Item | undefined;
  /** Removes the item with the key and returns it. */
  remove(key: Key): Item | undefined;
  /** All items, in no order. Do not push or remove while iterating. */
  items(): IterableIterator<Item>;
}

/** `before` says which of two items comes first; items for which it holds neither way come in any order. */
export function createHeap<Key, Item>(options: {
  readonly keyOf: (item: Item) => Key;
  readonly before: (a: Item, b: Item) => boolean;
}): Heap<Key, Item> {
  const { keyOf, before } = options;
  const heap: Item[] = [];
  const positions = new Map<Key, number>();

  const place = (item: Item, index: number) => {
    heap[index] = item;
    positions.set(keyOf(item), index);
  };

  /** Puts `item` at `index` or wherever above or below it belongs. */
  const settle = (item: Item, start: number) => {
    let index = start;
    while (index > 0) {
      const above = (index - 1) >> 1;
      const parent = heap[above] as Item; // above < index < length
      if (!before(item, parent)) break;
      place(parent, index);
      index = above;
    }
    for (;;) {
      let below = 2 * index + 1;
      if (below >= heap.length) break;
      let child = heap[below] as Item; // below < length
      const right = below + 1;
      if (right < heap.length && before(heap[right] as Item, child)) {
        child = heap[right] as Item; // right < length
        below = right;
      }
      if (!before(child, item)) break;
      place(child, index);
      index = below;
    }
    place(item, index);
  };

  const removeAt = (index: number): Item | undefined => {
    const removed = heap[index];
    const last = heap.pop();
    if (removed === undefined || last === undefined) return undefined;
    positions.delete(keyOf(removed));
    if (index < heap.length) settle(last, index);
    return removed;
  };

  return {
    get size() {
      return heap.length;
    },
    peek: () => heap[0],
    pop: () => removeAt(0),
    push(item) {
      const index = positions.get(keyOf(item)) ?? heap.length;
      if (index === heap.length) heap.push(item);
      settle(item, index);
    },
    get(key) {
      const index = positions.get(key);
      return index === undefined ? undefined : heap[index];
    },
    remove(key) {
      const index = positions.get(key);
      return index === undefined ? undefined : removeAt(index);
    },
    items: () => heap.values(),
  };
}
