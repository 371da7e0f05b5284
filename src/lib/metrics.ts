// Counters, gauges and histograms, and their Prometheus text form (exposition format 0.0.4).

/** One series of a counter or gauge. */
export interface Value {
  add(amount?: number): void;
  set(value: number): void;
}

/** One series of a histogram. */
export interface Histogram {
  observe(value: number): void;
}

/** All series of one name. */
export interface Family<Series> {
  /** The series with these label values, in the order of the names; made when it is first asked for. Hot paths keep it. */
  with(...values: readonly string[]): Series;
}

/** What is read when somebody asks, instead of being counted. */
export type Samples = Iterable<readonly [labels: readonly string[], value: number]>;

export interface MetricsRegistry {
  counter(name: string, help: string, labels?: readonly string[]): Family<Value>;
  gauge(name: string, help: string, labels?: readonly string[]): Family<Value>;
  /** `bounds` are upper bounds in rising order; one without bound is added. */
  histogram(name: string, help: string, bounds: readonly number[], labels?: readonly string[]): Family<Histogram>;
  /** A counter or gauge whose series are read at each rendering. */
  read(type: "counter" | "gauge", name: string, help: string, labels: readonly string[], samples: () => Samples | Promise<Samples>): void;
  /** All families in the order they were made. Families without series are left out. */
  render(): Promise<string>;
}

export const PROMETHEUS_TEXT: string = "text/plain; version=0.0.4; charset=utf-8";

export function createMetricsRegistry(): MetricsRegistry {
  const families: { readonly header: string; readonly lines: () => readonly string[] | Promise<readonly string[]> }[] = [];
  const add = (type: string, name: string, help: string, lines: () => readonly string[] | Promise<readonly string[]>): void => {
    families.push({ header: `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`, lines });
  };
  const values = (type: string, name: string, help: string, labels: readonly string[]): Family<Value> => {
    const all = new Map<string, { value: number; readonly series: Value }>();
    add(type, name, help, () => Array.from(all, ([text, { value }]) => `${name}${text} ${value}`));
    return {
      with(...given) {
        const text = labelText(labels, given);
        const found = all.get(text);
        if (found) return found.series;
        const cell = {
          value: 0,
          series: {
            add(amount = 1) {
              cell.value += amount;
            },
            set(value: number) {
              cell.value = value;
            },
          },
        };
        all.set(text, cell);
        return cell.series;
      },
    };
  };
  return {
    counter: (name, help, labels = []) => values("counter", name, help, labels),
    gauge: (name, help, labels = []) => values("gauge", name, help, labels),
    histogram(name, help, bounds, labels = []) {
      const all = new Map<string, { readonly series: Histogram; readonly lines: () => string[] }>();
      add("histogram", name, help, () => [...all.values()].flatMap(({ lines }) => lines()));
      return {
        with(...given) {
          const text = labelText(labels, given);
          const found = all.get(text);
          if (found) return found.series;
          const made = createHistogram(name, bounds, text);
          all.set(text, made);
          return made.series;
        },
      };
    },
    read(type, name, help, labels, samples) {
      add(type, name, help, async () => Array.from(await samples(), ([given, value]) => `${name}${labelText(labels, given)} ${value}`));
    },
    async render() {
      let text = "";
      for (const { header, lines } of families) {
        const found = await lines();
        if (found.length > 0) text += `${header}${found.join("\n")}\n`;
      }
      return text;
    },
  };
}

function createHistogram(name: string, bounds: readonly number[], labels: string): { series: Histogram; lines: () => string[] } {
  // Counts of each bucket by itself; the last is beyond all bounds.
  const counts = new Float64Array(bounds.length + 1);
  let sum = 0;
  const inner = labels === "" ? "" : `${labels.slice(1, -1)},`;
  return {
    series: {
      observe(value) {
        let bucket = 0;
        while (bucket < bounds.length && value > (bounds[bucket] ?? 0)) bucket++;
        counts[bucket] = (counts[bucket] ?? 0) + 1;
        sum += value;
      },
    },
    lines() {
      let total = 0;
      const lines = Array.from(counts, (count, index) => {
        total += count;
        return `${name}_bucket{${inner}le="${bounds[index] ?? "+Inf"}"} ${total}`;
      });
      return [...lines, `${name}_sum${labels} ${sum}`, `${name}_count${labels} ${total}`];
    },
  };
}

/** `{a="x",b="y"}`, sorted by name as Prometheus' own libraries do; "" without labels. */
function labelText(names: readonly string[], values: readonly string[]): string {
  if (names.length === 0) return "";
  return `{${names
    .map((name, index) => `${name}="${escape(values[index] ?? "")}"`)
    .toSorted()
    .join(",")}}`;
}

function escape(value: string): string {
  return /[\\"\n]/.test(value) ? value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n") : value;
}
