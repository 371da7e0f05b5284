/** A header block that cannot be read. The connection's state is lost with it. */
export class HpackError extends Error {
  override readonly name = "HpackError";
}
