// The command line: commands, options, help, and what becomes of errors.

import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { CliError, EXIT } from "./exit-codes.ts";
import { isSameProcessAlive, readRunRecord } from "./run-file.ts";
import { show, up, type UpDeps, type UpOptions } from "./up.ts";

export interface ProgramDeps extends UpDeps {
  readonly err: (line: string) => void;
  /** Asks a running cluster whether it is ready; resolves to what it answered, or the reason there was no answer. */
  readonly probe: (url: string, kubeconfigFile: string) => Promise<{ readonly ready: boolean; readonly message: string }>;
  readonly sleep: (ms: number) => Promise<void>;
}

const DATA = ".kobune";
const DEFAULT_PORT = 6443;

/** Runs one command line (without node and script). Resolves to the exit code; never rejects. */
export async function runProgram(argv: readonly string[], deps: ProgramDeps): Promise<number> {
  let code: number = EXIT.ok;
  const program = new Command("kobune")
    .description("Kubernetes in one process: a cluster for tests, a laptop, a few servers.")
    .showHelpAfterError("Run `kobune help` to see what there is.")
    .configureOutput({ writeOut: (text) => deps.out(text.trimEnd()), writeErr: (text) => deps.err(text.trimEnd()) })
    .helpCommand("help [command]", "show what a command does")
    .exitOverride();

  program
    .command("up")
    .description("start a cluster, or go on with the one in the data directory")
    .option("--data <dir>", "where the cluster keeps its objects, certificates and logs", DATA)
    .option("--port <n>", "port of the API server on 127.0.0.1; 0 takes any free one", parsePort, DEFAULT_PORT)
    .option("--nodes <n>", "number of nodes", parseNodes, 1)
    .addOption(new Option("--runtime <name>", "what runs containers").choices(["auto", "process", "simulated"]).default("auto"))
    .addOption(
      new Option("--store <name>", "where objects live; memory forgets them at the end").choices(["sqlite", "memory"]).default("sqlite"),
    )
    .option("--kubeconfig <file>", "kubeconfig to write to (default: merge into ~/.kube/config as context kobune)")
    .option("--detach", "return when the cluster is ready and let it run")
    .option("--verbose", "log what the components do, each request too")
    .addOption(new Option("--log-format <name>", "form of log lines").choices(["text", "json"]).default("text"))
    .action(async (options: Omit<UpOptions, "detach" | "verbose">) => {
      code = await up({ detach: false, verbose: false, ...options }, deps);
    });

  program
    .command("down")
    .description("stop the cluster of a data directory; its objects stay")
    .option("--data <dir>", "the data directory", DATA)
    .action(async (options: { data: string }) => {
      const record = runningOn(options.data);
      process.kill(record.pid, "SIGTERM");
      deps.progress.step(`Stopping the cluster in ${show(resolve(options.data))}`);
      const deadline = Date.now() + 60_000;
      while (isSameProcessAlive(record)) {
        if (Date.now() > deadline)
          throw new CliError(`pid ${record.pid} is still there after 60 s; see ${show(join(resolve(options.data), "kobune.log"))}`);
        await deps.sleep(20);
      }
      deps.progress.done();
      deps.out("Stopped.");
    });

  program
    .command("status")
    .description("say whether the cluster of a data directory runs; exit code 3 if not")
    .option("--data <dir>", "the data directory", DATA)
    .action(async (options: { data: string }) => {
      const record = runningOn(options.data);
      const { ready, message } = await deps.probe(record.url, join(resolve(options.data), "kubeconfig"));
      deps.out(ready ? "Running and ready" : `Running, but not ready: ${message}`);
      deps.out(`\n  address     ${record.url}\n  kubeconfig  ${show(record.kubeconfig)}\n  context     ${record.context}`);
      deps.out(
        `  nodes       ${record.nodes} (${record.runtime} runtime)\n  store       ${record.store}\n  pid         ${record.pid}, since ${record.startedAt}`,
      );
      code = ready ? EXIT.ok : EXIT.failure;
    });

  program
    .command("kubeconfig")
    .description("print the kubeconfig of the cluster's administrator")
    .option("--data <dir>", "the data directory", DATA)
    .action((options: { data: string }) => {
      let text: string;
      try {
        text = readFileSync(join(resolve(options.data), "kubeconfig"), "utf8");
      } catch (cause) {
        throw new CliError(`no cluster was ever started in ${show(resolve(options.data))}`, EXIT.notRunning, { cause });
      }
      deps.out(text.trimEnd());
    });

  program
    .command("version")
    .description("print the versions of Kobune and of the API it serves")
    .action(() => deps.out(`kobune ${deps.version}\nkubernetes ${deps.kubernetesVersion}`));

  try {
    if (argv.length === 0) program.outputHelp();
    else await program.parseAsync(argv, { from: "user" });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    deps.progress.fail();
    if (error instanceof CliError) {
      deps.err(`kobune: ${error.message}`);
      return error.exitCode;
    }
    deps.err(`kobune: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    return EXIT.failure;
  }
}

function runningOn(data: string) {
  const record = readRunRecord(resolve(data));
  if (!record) throw new CliError(`no cluster runs on ${show(resolve(data))}`, EXIT.notRunning);
  return record;
}

function parsePort(text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65_535) throw new InvalidArgumentError("It must be a number from 0 to 65535.");
  return port;
}

function parseNodes(text: string): number {
  const nodes = Number(text);
  if (!/^\d+$/.test(text) || nodes > 5000) throw new InvalidArgumentError("It must be a number from 0 to 5000.");
  return nodes;
}
