// The peer that the API server's rates are read against: Node's HTTP over TLS with an answer that is there already, and nothing else.
// `node tools/bench/bare-server.ts PEM BYTES` prints its port. PEM holds certificate and key.

import { readFileSync } from "node:fs";
import { createSecureServer, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";

const pem = readFileSync(process.argv[2] ?? "");
const body = Buffer.alloc(Number(process.argv[3]), 97);
const headers = { "content-type": "application/json", "cache-control": "no-cache, private", "audit-id": "0".repeat(36) };
const server = createSecureServer({ key: pem, cert: pem, allowHTTP1: true, noDelay: true });
// Otherwise the listener for HTTP/1.1 would put the compatibility layer on every stream.
server.removeAllListeners("newListener");
const ignore = () => {};
server.on("stream", (any, asked) => {
  const stream = any as ServerHttp2Stream; // a server's streams are these
  stream.on("error", ignore);
  const answer = () => {
    stream.respond({ ":status": asked[":method"] === "POST" ? 201 : 200, ...headers, "content-length": body.length });
    stream.end(body);
  };
  if (asked[":method"] === "GET") return answer();
  stream.on("data", ignore);
  stream.once("end", answer);
});
server.on("request", (message, response) => {
  if (message.httpVersionMajor > 1) return;
  response.writeHead(200, { ...headers, "content-length": body.length });
  response.end(body);
});
server.listen(0, "127.0.0.1", () => console.log((server.address() as AddressInfo).port)); // it listens on TCP
