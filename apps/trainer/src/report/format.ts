/** Numbers as people read them. */

/**
 * 0.9371 → "93.7 %", with a no-break space; of 80 images "94 %". What is rounded to all or nothing without being it is
 * told apart: "> 99 %".
 * @param images how many it is a share of, which decides the number of digits
 */
export function percent(fraction: number, images?: number): string {
  const digits = digitsFor(images);
  const text = (100 * fraction).toFixed(digits);
  const [least, most] = [(10 ** -digits).toFixed(digits), (100 - 10 ** -digits).toFixed(digits)];
  if (fraction < 1 && Number(text) === 100) return `>\u00a0${most}\u00a0%`;
  if (fraction > 0 && Number(text) === 0) return `<\u00a0${least}\u00a0%`;
  return `${text}\u00a0%`;
}

/** The decimals of a percentage: as many as its images can tell. */
function digitsFor(images = 1000): number {
  return images < 1000 ? 0 : images < 100_000 ? 1 : 2;
}

/** A range of shares: "14 % – 33 %". */
export function range([low, high]: readonly [number, number], images?: number): string {
  return `${percent(low, images)} – ${percent(high, images)}`;
}

/** A difference of two accuracies: 0.016 → "1.6 points". */
export function points(fraction: number, images?: number): string {
  return `${(100 * fraction).toFixed(digitsFor(images))}\u00a0points`;
}

/** A signed difference in points: −0.016 → "−1.6". */
export function signedPoints(fraction: number, images?: number): string {
  const text = Math.abs(100 * fraction).toFixed(digitsFor(images));
  if (Number(text) === 0) return `±${text}`;
  return fraction < 0 ? `−${text}` : `+${text}`;
}

/** Degrees: 50 → "50°". */
export function angle(degrees: number): string {
  return `${degrees}°`;
}

/** 60000 → "60,000". */
export function integer(value: number): string {
  return Math.round(value).toLocaleString("en-GB");
}

/** Three significant digits with a unit prefix: 12_400_000 → "12.4 M". */
export function compact(value: number): string {
  const prefixes = [
    [1e9, "G"],
    [1e6, "M"],
    [1e3, "k"],
  ] as const;
  const [size, prefix] = prefixes.find(([least]) => value >= least) ?? [1, ""];
  const scaled = value / size;
  const digits = size === 1 ? 0 : scaled >= 100 ? 0 : scaled >= 10 ? 1 : 2;
  return prefix === "" ? scaled.toFixed(digits) : `${scaled.toFixed(digits)}\u00a0${prefix}`;
}

/** 134.2 → "2 min 14 s", 3.21 → "3.2 s". */
export function duration(seconds: number): string {
  if (seconds < 59.95) return `${seconds.toFixed(1)}\u00a0s`;
  const whole = Math.round(seconds);
  const parts = [
    [Math.floor(whole / 3600), "h"],
    [Math.floor(whole / 60) % 60, "min"],
    [whole % 60, "s"],
  ] as const;
  return parts
    .filter(([amount]) => amount > 0)
    .map(([amount, unit]) => `${amount}\u00a0${unit}`)
    .join(" ");
}

/** A date in UTC, or the text itself if it is not a date. */
export function date(iso: string): string {
  const time = new Date(iso);
  if (Number.isNaN(time.getTime())) return iso;
  const text = time.toLocaleString("en-GB", { dateStyle: "long", timeStyle: "short", timeZone: "UTC" });
  return `${text} UTC`;
}
