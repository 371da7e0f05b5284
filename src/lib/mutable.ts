// The inverse of a deeply read-only type: what a copy of shared data may be treated as.

/** `T` with every `readonly` removed, at every depth. */
export type Mutable<T> = T extends (...args: never[]) => unknown
  ? T
  : T extends readonly unknown[]
    ? { -readonly [Index in keyof T]: Mutable<T[Index]> }
    : T extends object
      ? { -readonly [Key in keyof T]: Mutable<T[Key]> }
      : T;
