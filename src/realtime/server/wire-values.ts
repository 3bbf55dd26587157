export function writeJson(value: unknown): string {
  const text: string | undefined = JSON.stringify(value);
  return text ?? 'null';
}
export function readJson(text: string): unknown {
  const value: unknown = JSON.parse(text);
  return value;
}
