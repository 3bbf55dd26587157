// Numbers as people read them.

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });
const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** A count. */
export function count(value: number): string {
  return whole.format(value);
}

/** A count of things, by their name in the singular. */
export function counted(value: number, name: string): string {
  return `${count(value)} ${name}${value === 1 ? '' : 's'}`;
}

/** An amount of bytes. */
export function bytes(value: number): string {
  let [amount, unit] = [value, 0];
  while (amount >= 1024 && unit < units.length - 1) {
    amount /= 1024;
    unit++;
  }
  return `${short.format(amount)} ${units[unit]}`;
}

/** A rate: small ones with a digit behind the point. */
export function perSecond(value: number): string {
  return `${value < 10 ? short.format(value) : whole.format(value)}/s`;
}

/** A time span. */
export function span(milliseconds: number): string {
  const seconds = milliseconds / 1000;
  if (seconds < 1) return `${Math.round(milliseconds)} ms`;
  if (seconds < 120) return `${short.format(seconds)} s`;
  if (seconds < 7200) return `${short.format(seconds / 60)} min`;
  return seconds < 172_800 ? `${short.format(seconds / 3600)} h` : `${short.format(seconds / 86_400)} d`;
}
