// Terminal sizes: the newest is what counts, earlier ones that nobody took are dropped.

export interface TerminalSize {
  readonly width: number;
  readonly height: number;
}

export interface ResizeEvents extends AsyncIterable<TerminalSize> {
  /** Takes `{"Width":80,"Height":24}`; anything else is ignored. */
  push(json: string): void;
  end(): void;
}

export function createResizeEvents(): ResizeEvents {
  let newest: TerminalSize | undefined;
  let ended = false;
  let wake: (() => void) | undefined;
  return {
    push(json) {
      let size: { Width?: unknown; Height?: unknown } | null;
      try {
        size = JSON.parse(json) as typeof size; // checked below
      } catch {
        return;
      }
      if (!Number.isInteger(size?.Width) || !Number.isInteger(size?.Height)) return;
      newest = { width: Number(size?.Width), height: Number(size?.Height) };
      wake?.();
    },
    end() {
      ended = true;
      wake?.();
    },
    async *[Symbol.asyncIterator]() {
      for (;;) {
        if (newest) {
          const size = newest;
          newest = undefined;
          yield size;
        } else if (ended) return;
        else
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
      }
    },
  };
}
