// Structured logs. Messages are constant strings; what varies goes into fields.

export type LogFields = Readonly<Record<string, unknown>>;
export type LogLevel = "debug" | "info" | "warn" | "error";

/** Where a component says what it did. Handed in; there is no global one. */
export interface Logger {
  /** Whether debug lines are written: lets a caller skip making them. */
  readonly debugs?: boolean;
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A logger that adds `fields` to every line. */
  with(fields: LogFields): Logger;
}

const ORDER: Record<LogLevel, number> = { debug: 0, info: 1, warn: 2, error: 3 };

export interface LoggerOptions {
  /** Lines below it are dropped. */
  readonly level: LogLevel;
  readonly write: (line: string) => void;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** `text` (default): `time LEVEL message key=value ...`; `json`: one object a line with ts, level, msg and the fields. */
  readonly format?: "text" | "json";
  readonly fields?: LogFields;
}

/** A logger that writes one line per call. */
export function createLogger(options: LoggerOptions): Logger {
  const log = (level: LogLevel, message: string, fields?: LogFields) => {
    if (ORDER[level] < ORDER[options.level]) return;
    if (options.format === "json") {
      const all = { ts: new Date(options.now()).toISOString(), level, msg: message, ...options.fields, ...fields };
      options.write(JSON.stringify(all, (_, value: unknown) => (value instanceof Error ? (value.stack ?? value.message) : value)));
      return;
    }
    const parts = Object.entries({ ...options.fields, ...fields }).map(([key, value]) => `${key}=${show(value)}`);
    options.write([new Date(options.now()).toISOString(), level.toUpperCase().padEnd(5), message, ...parts].join(" "));
  };
  return {
    debugs: options.level === "debug",
    debug: (message, fields) => log("debug", message, fields),
    info: (message, fields) => log("info", message, fields),
    warn: (message, fields) => log("warn", message, fields),
    error: (message, fields) => log("error", message, fields),
    with: (fields) => createLogger({ ...options, fields: { ...options.fields, ...fields } }),
  };
}

/** Drops everything. */
export const silentLogger: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  with: () => silentLogger,
};

function show(value: unknown): string {
  if (value instanceof Error) return JSON.stringify(value.stack ?? value.message);
  if (typeof value === "string") return /^[\w./:@-]+$/.test(value) ? value : JSON.stringify(value);
  return JSON.stringify(value) ?? "undefined";
}
