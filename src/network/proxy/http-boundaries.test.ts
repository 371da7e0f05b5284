import assert from "node:assert/strict";
import { test } from "node:test";
import { createRequestReader, createResponseReader, startsWithRequest } from "./http-boundaries.ts";

/** The requests seen in `text`, fed in pieces of `size` bytes; ends with "lost" if it was given up, "open" within a message. */
function requestsIn(text: string, size: number): string[] {
  const seen: string[] = [];
  const reader = createRequestReader(({ method, persistent }) => void seen.push(persistent ? method : `${method} close`));
  const bytes = Buffer.from(text, "latin1");
  for (let at = 0; at < bytes.length; at += size) if (!reader.read(bytes.subarray(at, at + size))) return [...seen, "lost"];
  return reader.between ? seen : [...seen, "open"];
}

function responsesIn(text: string, methods: readonly string[], size: number): string[] {
  const seen: string[] = [];
  const reader = createResponseReader(
    () => methods[seen.length],
    (persistent) => void seen.push(persistent ? "ok" : "close"),
  );
  const bytes = Buffer.from(text, "latin1");
  for (let at = 0; at < bytes.length; at += size) if (!reader.read(bytes.subarray(at, at + size))) return [...seen, "lost"];
  return reader.between ? seen : [...seen, "open"];
}

for (const [what, text, expected] of [
  ["a request without body", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", ["GET"]],
  ["two in a row", "GET / HTTP/1.1\r\n\r\nHEAD /x HTTP/1.1\r\n\r\n", ["GET", "HEAD"]],
  ["a body with a length", "POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhelloGET / HTTP/1.1\r\n\r\n", ["POST", "GET"]],
  ["a body that is not all there", "POST / HTTP/1.1\r\ncontent-length: 5\r\n\r\nhel", ["POST", "open"]],
  ["a body that looks like a request", "POST / HTTP/1.1\r\nContent-Length: 18\r\n\r\nGET / HTTP/1.1\r\n\r\n", ["POST"]],
  [
    "chunks with an extension and a trailer",
    "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nT: 1\r\n\r\nGET / HTTP/1.1\r\n\r\n",
    ["PUT", "GET"],
  ],
  [
    "chunks that end with data that looks like the end",
    "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n7\r\n0\r\n\r\n0\r\n\r\n",
    ["PUT", "open"],
  ],
  ["Connection: close", "GET / HTTP/1.1\r\nConnection: foo, Close\r\n\r\n", ["GET close"]],
  ["HTTP/1.0 closes unless told otherwise", "GET / HTTP/1.0\r\n\r\nGET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", ["GET close", "GET"]],
  ["half a head", "GET / HTTP/1.1\r\nHost: a\r\n", ["open"]],
  ["CONNECT", "CONNECT a:1 HTTP/1.1\r\n\r\n", ["lost"]],
  ["both lengths", "POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", ["lost"]],
  ["two different lengths", "POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n", ["lost"]],
  ["a length that is none", "POST / HTTP/1.1\r\nContent-Length: +3\r\n\r\n", ["lost"]],
  ["another coding", "POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", ["lost"]],
  ["a space before the colon", "POST / HTTP/1.1\r\nContent-Length : 3\r\n\r\n", ["lost"]],
  ["a folded line", "GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n", ["lost"]],
  ["a broken chunk size", "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n", ["PUT", "lost"]],
  ["HTTP/2", "PRI * HTTP/2.0\r\n\r\n", ["lost"]],
] as const) {
  test(`requests: ${what}`, () => {
    for (let size = 1; size <= text.length; size++) assert.deepEqual(requestsIn(text, size), expected, `in pieces of ${size}`);
  });
}

for (const [what, text, methods, expected] of [
  ["a length", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", ["GET"], ["ok"]],
  [
    "no body by method",
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
    ["HEAD", "GET"],
    ["ok", "ok"],
  ],
  [
    "no body by status",
    "HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
    ["GET", "GET"],
    ["ok", "ok"],
  ],
  ["chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", ["GET"], ["ok"]],
  [
    "an interim answer first",
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    ["POST"],
    ["ok"],
  ],
  ["close", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", ["GET"], ["close"]],
  ["all until the end", "HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", ["GET"], ["open"]],
  ["another protocol", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n", ["GET"], ["lost"]],
  ["an answer to nothing", "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n", [], ["lost"]],
  ["no HTTP at all", "220 mail.example ESMTP\r\n\r\n", ["GET"], ["lost"]],
] as const) {
  test(`answers: ${what}`, () => {
    for (let size = 1; size <= text.length; size++) assert.deepEqual(responsesIn(text, methods, size), expected, `in pieces of ${size}`);
  });
}

test("a head without end is given up", () => {
  assert.deepEqual(requestsIn(`GET / HTTP/1.1\r\nA: ${"x".repeat(70_000)}`, 1000), ["lost"]);
});

test("only a whole request line makes a connection HTTP", () => {
  const starts = (text: string) => startsWithRequest(Buffer.from(text));
  assert.ok(starts("GET /a?b HTTP/1.1\r\nHost"));
  assert.ok(starts("M-SEARCH * HTTP/1.0\r\n"));
  for (const text of [
    "GET / HTTP/1.1",
    "get / HTTP/1.1\r\n",
    "PRI * HTTP/2.0\r\n\r\n",
    "\x16\x03\x01\r\n",
    "EHLO a\r\n",
    "\r\nGET / HTTP/1.1\r\n",
  ])
    assert.equal(starts(text), false, JSON.stringify(text));
});
