// `import ... from "node:http"` reads every export of it, WebSocket's and fetch's events included, and so loads undici: tens of
// milliseconds and several megabytes at start-up. This way nothing is read that is not asked for. Types may come from "node:http".

export const { Agent, request, STATUS_CODES } = process.getBuiltinModule("node:http");

export type Agent = import("node:http").Agent;
