// A plain CommonJS file that Node programs in pods load first (NODE_OPTIONS=--require). It gives programs that listen on
// every address the pod's own address instead, so that pods with the same port live side by side, and lets them reach
// their own pod under "localhost". It must run on any Node from 18 on, hence no imports and no syntax newer than that.

/** The file's text. */
export function preloadText(): string {
  return `"use strict";\n(${preload.toString()})(process.env.KOBUNE_POD_IP, require);\n`;
}

/* oxlint-disable -- the function is emitted as text for old Node versions and patches untyped internals */
// biome-ignore format: emitted
function preload(podIp: string | undefined, load: (name: string) => any): void {
  if (!podIp) return;
  const net = load("net");
  const dgram = load("dgram");
  const fs = load("fs");
  const isWildcard = (host: unknown) =>
    host === undefined || host === null || host === "" || host === "0.0.0.0" || host === "::" || host === "[::]";
  const isLocal = (host: unknown) =>
    host === undefined || host === null || host === "" || host === "localhost" || host === "127.0.0.1" || host === "::1";
  const isPort = (value: unknown) => typeof value === "number" || (typeof value === "string" && /^\d+$/.test(value));

  const listen = net.Server.prototype.listen;
  net.Server.prototype.listen = function (this: unknown, ...args: any[]) {
    const first = args[0];
    if (first !== null && typeof first === "object" && !Array.isArray(first)) {
      const byPort =
        first.path === undefined &&
        first.fd === undefined &&
        first._handle === undefined &&
        first.handle === undefined &&
        first.port !== undefined;
      if (byPort && isWildcard(first.host)) args[0] = Object.assign({}, first, { host: podIp, ipv6Only: false });
    } else if (first === undefined || first === null || typeof first === "function" || isPort(first)) {
      const port = first === undefined || first === null || typeof first === "function" ? 0 : Number(first);
      const rest = typeof first === "function" ? args : args.slice(1);
      const callback = rest.find((value) => typeof value === "function");
      const host = rest.find((value) => typeof value === "string");
      const backlog = rest.find((value) => typeof value === "number");
      if (isWildcard(host)) {
        const options: any = { port, host: podIp };
        if (backlog !== undefined) options.backlog = backlog;
        args = callback ? [options, callback] : [options];
      }
    }
    return listen.apply(this, args);
  };

  const bind = dgram.Socket.prototype.bind;
  dgram.Socket.prototype.bind = function (this: any, ...args: any[]) {
    const first = args[0];
    if (this.type === "udp6" && !(first && typeof first === "object" && first.address && !isWildcard(first.address)))
      return bind.apply(this, args);
    if (first !== null && typeof first === "object") {
      if (first.fd === undefined && isWildcard(first.address)) args[0] = Object.assign({}, first, { address: podIp });
    } else {
      const port = typeof first === "function" || first === undefined || first === null ? 0 : Number(first);
      const address = typeof args[1] === "string" ? args[1] : undefined;
      const callback = args.find((value) => typeof value === "function");
      // Port 0 is what sending without binding asks for: any address will do.
      if (isWildcard(address) && port !== 0) args = callback ? [{ port, address: podIp }, callback] : [{ port, address: podIp }];
    }
    return bind.apply(this, args);
  };

  // Which ports the pod's address listens on, asked from the kernel at most once a second and port.
  const hex = podIp
    .split(".")
    .map((part) => Number(part).toString(16).toUpperCase().padStart(2, "0"))
    .reverse()
    .join("");
  const known = new Map<number, { at: number; listens: boolean }>();
  const podListens = (port: number) => {
    const cached = known.get(port);
    if (cached && Date.now() - cached.at < 1000 && cached.listens) return true;
    let table = "";
    try {
      table = fs.readFileSync("/proc/net/tcp", "latin1");
    } catch {
      return false;
    }
    const suffix = ":" + port.toString(16).toUpperCase().padStart(4, "0") + " 00000000:0000 0A";
    const listens = table.includes(" " + hex + suffix) && !table.includes(" 0100007F" + suffix);
    known.set(port, { at: Date.now(), listens });
    return listens;
  };
  const connect = net.Socket.prototype.connect;
  net.Socket.prototype.connect = function (this: unknown, ...args: any[]) {
    // net.connect() hands over [options, callback] in one marked array; it is changed in place to keep the mark.
    const list = Array.isArray(args[0]) ? args[0] : args;
    const first = list[0];
    if (first !== null && typeof first === "object") {
      if (isPort(first.port) && first.path == null && isLocal(first.host) && podListens(Number(first.port))) {
        list[0] = Object.assign({}, first, { host: podIp });
      }
    } else if (isPort(first) && (typeof list[1] !== "string" || isLocal(list[1])) && podListens(Number(first))) {
      const callback = list.find((value: unknown) => typeof value === "function");
      args = callback ? [{ port: Number(first), host: podIp }, callback] : [{ port: Number(first), host: podIp }];
    }
    return connect.apply(this, args);
  };
}
/* oxlint-enable */
