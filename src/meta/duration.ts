// Durations as people read them.

const trunc = Math.trunc;

/** Two or three significant figures: `5m30s`, `3h`, `2d4h`; up to 2 s before now counts as now, earlier is `<invalid>`. */
export function humanDuration(ms: number): string {
  const seconds = trunc(ms / 1000);
  if (seconds < -1) return "<invalid>";
  if (seconds < 0) return "0s";
  if (seconds < 120) return `${seconds}s`;
  const minutes = trunc(seconds / 60);
  if (minutes < 10) return join(minutes, "m", seconds % 60, "s");
  if (minutes < 180) return `${minutes}m`;
  const hours = trunc(minutes / 60);
  if (hours < 8) return join(hours, "h", minutes % 60, "m");
  if (hours < 48) return `${hours}h`;
  const days = trunc(hours / 24);
  if (days < 8) return join(days, "d", hours % 24, "h");
  if (days < 365 * 2) return `${days}d`;
  const years = trunc(days / 365);
  return years < 8 ? join(years, "y", days % 365, "d") : `${years}y`;
}

/** One figure: `5m`, `3h`, `2d`. */
export function shortHumanDuration(ms: number): string {
  const seconds = trunc(ms / 1000);
  if (seconds < -1) return "<invalid>";
  if (seconds < 0) return "0s";
  if (seconds < 60) return `${seconds}s`;
  const hours = trunc(seconds / 3600);
  if (hours < 1) return `${trunc(seconds / 60)}m`;
  const days = trunc(hours / 24);
  if (days < 1) return `${hours}h`;
  return days < 365 ? `${days}d` : `${trunc(days / 365)}y`;
}

function join(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large}${largeUnit}` : `${large}${largeUnit}${small}${smallUnit}`;
}
