// What the command's exit code says. Scripts rely on these; README lists them.

export const EXIT = {
  ok: 0,
  failure: 1,
  /** Unknown command, option or value. */
  usage: 2,
  /** `status` and `down`: no cluster runs on the data directory. */
  notRunning: 3,
  /** `up`: the data directory or the port is in use. */
  inUse: 4,
} as const;

/** An error to show as one line, without a stack. */
export class CliError extends Error {
  override readonly name = "CliError";
  readonly exitCode: number;
  constructor(message: string, exitCode: number = EXIT.failure, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}
