// A client of HTTP/1.1 that does next to nothing: one request at a time on a kept-alive connection, answers found by their content-length.

import { connect, type TLSSocket } from "node:tls";
import type { Endpoint, RawConnection, RawRequest } from "./raw-http2.ts";

export async function connectHttp1(endpoint: Endpoint): Promise<RawConnection> {
  const { host, port, ca, cert, key } = endpoint;
  const socket: TLSSocket = connect({ host, port, ca, cert, key, ALPNProtocols: ["http/1.1"], checkServerIdentity: () => undefined });
  socket.setNoDelay(true);
  await new Promise<void>((resolve, reject) => {
    socket.once("secureConnect", resolve);
    socket.once("error", reject);
  });
  let rest: Buffer = Buffer.alloc(0);
  let pending: ((status: number, bytes: number) => void) | undefined;
  let closed = false;
  socket.on("data", (chunk: Buffer) => {
    rest = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk;
    const headEnd = rest.indexOf("\r\n\r\n");
    if (headEnd < 0) return;
    const head = rest.toString("latin1", 0, headEnd);
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? NaN);
    if (Number.isNaN(length)) throw new Error(`an answer without a length: ${head}`);
    if (rest.length < headEnd + 4 + length) return;
    rest = rest.subarray(headEnd + 4 + length);
    const done = pending;
    pending = undefined;
    done?.(Number(head.slice(9, 12)), length);
  });
  socket.on("error", (error) => {
    if (!closed) throw error;
  });
  return {
    send(request: RawRequest, done) {
      if (pending) throw new TypeError("one request at a time");
      pending = done;
      const body = request.body ?? "";
      const length = request.body === undefined ? "" : `content-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n`;
      socket.write(`${request.method} ${request.path} HTTP/1.1\r\nhost: ${host}:${port}\r\n${length}\r\n${body}`);
    },
    close() {
      closed = true;
      socket.destroy();
    },
  };
}
