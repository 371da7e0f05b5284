// What is happening, while it happens: a spinner on a terminal, plain lines otherwise.

import { styleText } from "node:util";

export interface Progress {
  /** Names the step under way; ends the one before as done. */
  step(text: string): void;
  /** Ends the last step as done and clears the line. */
  done(): void;
  /** Ends the last step as failed. */
  fail(): void;
}

const FRAMES = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
const FRAME_MS = 80;

export function createProgress(stream: NodeJS.WriteStream): Progress {
  return stream.isTTY ? spinner(stream) : plainLines(stream);
}

function plainLines(stream: NodeJS.WritableStream): Progress {
  return { step: (text) => void stream.write(`${text}\n`), done() {}, fail() {} };
}

function spinner(stream: NodeJS.WriteStream): Progress {
  let current: string | undefined;
  let frame = 0;
  let timer: NodeJS.Timeout | undefined;
  const draw = () => {
    frame = (frame + 1) % FRAMES.length;
    stream.write(`\r\x1b[K${styleText("cyan", FRAMES[frame] ?? "")} ${current}`);
  };
  const end = (mark: string | undefined) => {
    clearInterval(timer);
    timer = undefined;
    if (current === undefined) return;
    stream.write(mark === undefined ? "\r\x1b[K" : `\r\x1b[K${mark} ${current}\n`);
    current = undefined;
  };
  return {
    step(text) {
      end(undefined);
      current = text;
      draw();
      timer = setInterval(draw, FRAME_MS);
      timer.unref();
    },
    done: () => end(undefined),
    fail: () => end(styleText("red", "✗")),
  };
}
