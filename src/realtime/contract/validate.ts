// Checks a value with a schema of the contract, at once where the schema answers at once. What the schema makes of the value
// is what goes on; what it finds wrong becomes one error that names the places in the words of the schema.

import { describe } from '../../base/errors.ts';
import { RealtimeError } from '../wire/error-codes.ts';
import type { SchemaIssue, SchemaOutput, SchemaResult, StandardSchema } from './standard-schema.ts';

/** The most issues that an error names. */
const maxIssues = 5;
const maxMessageLength = 200;

/**
 * What the schema makes of a value: a promise only when the schema gives one. A null that the schema refuses is tried as
 * `undefined`, because JSON has no other way to write it.
 * @param place what the value is, as the error names it: `data`, `input`
 * @throws RealtimeError `BAD_DATA`: it does not fit; `HANDLER_FAILED`: the schema itself threw
 */
export function validate<Schema extends StandardSchema>(
  schema: Schema,
  value: unknown,
  place: string,
): SchemaOutput<Schema> | Promise<SchemaOutput<Schema>>;
/** Without a schema nothing may come, and the answer is `undefined`. */
export function validate(schema: StandardSchema | undefined, value: unknown, place: string): unknown;
export function validate(schema: StandardSchema | undefined, value: unknown, place: string): unknown {
  if (schema === undefined) {
    if (value === undefined || value === null) return undefined;
    throw new RealtimeError(
      'BAD_DATA',
      `${place}: ${describe(value)}, expected none: the contract has no schema for it`,
    );
  }
  const result = run(schema, value, place);
  // Most fit at once: nothing more is made for them.
  if (!(result instanceof Promise) && result.issues === undefined) return result.value;
  return take(result, place, (issues) => {
    if (value !== null) throw badData(issues, place);
    return take(run(schema, undefined, place), place, () => {
      throw badData(issues, place);
    });
  });
}

function take(
  result: SchemaResult<unknown> | Promise<SchemaResult<unknown>>,
  place: string,
  refused: (issues: readonly SchemaIssue[]) => unknown,
): unknown {
  if (result instanceof Promise) {
    return result.then(
      (later) => take(later, place, refused),
      (cause: unknown) => {
        throw schemaFailed(cause, place);
      },
    );
  }
  return result.issues === undefined ? result.value : refused(result.issues);
}

function run(
  schema: StandardSchema,
  value: unknown,
  place: string,
): SchemaResult<unknown> | Promise<SchemaResult<unknown>> {
  try {
    return schema['~standard'].validate(value);
  } catch (cause) {
    throw schemaFailed(cause, place);
  }
}

function schemaFailed(cause: unknown, place: string): RealtimeError {
  return new RealtimeError('HANDLER_FAILED', `${place}: the schema threw instead of giving issues`, {
    cause,
  });
}

function badData(issues: readonly SchemaIssue[], place: string): RealtimeError {
  const named = issues
    .slice(0, maxIssues)
    .map(({ message, path }) => `${place}${pathOf(path)}: ${shorten(message)}`);
  if (issues.length > maxIssues) named.push(`and ${issues.length - maxIssues} more`);
  return new RealtimeError('BAD_DATA', named.join('; '));
}

function pathOf(path: SchemaIssue['path'] = []): string {
  // Not path.map: the paths of arktype are a kind of array of their own, which maps to more than there is.
  return Array.from(path, (step) => {
    const key = typeof step === 'object' ? step.key : step;
    return typeof key === 'string' && /^[A-Za-z_$][\w$]{0,99}$/.test(key) ? `.${key}` : `[${describe(key)}]`;
  }).join('');
}

function shorten(text: string): string {
  return text.length > maxMessageLength ? `${text.slice(0, maxMessageLength - 3)}...` : text;
}
